"""Flow matching: time schedule, straight paths between data and noise, Euler solver, guidance. Knows nothing of files."""
