"""Tests, in folders that mirror the packages; `benchmarks` are run by hand."""
