"""Fuzzing, guided by coverage: runnable modules, for longer than a test may take."""
