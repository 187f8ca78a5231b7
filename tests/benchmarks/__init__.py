"""Benchmarks: modules that print medians and ratios, run with `python -m tests.benchmarks.NAME`."""
