"""Scores against the known truth and against measurements."""
