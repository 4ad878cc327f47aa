"""Measurements, never tests: each module has `run() -> dict`; `python -m benchmarks [NAME …]` prints them as one JSON object."""
