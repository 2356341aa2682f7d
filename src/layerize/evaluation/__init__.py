"""Evaluation: measures of layers against the truth, baselines that need no weights."""
