"""Benchmarks: modules to run by hand, each prints medians and ratios."""
