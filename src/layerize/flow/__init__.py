"""Flow matching: schedule of times, straight paths from data to noise, Euler solver, guidance. Knows no files."""
