"""Measurements: `make bench`, or `python -m benchmarks`, writes what they give to docs/benchmarks.md."""
