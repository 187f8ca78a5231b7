<<<<<<< HEAD
"""Tests, in folders that mirror the packages; `benchmarks` are run by hand."""
=======
"""The tests: they mirror the packages."""
>>>>>>> evaluate
