"""Tests of `stream.pipeline`."""
