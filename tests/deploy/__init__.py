"""Tests of `deploy`: what can be checked without an engine that runs containers."""
