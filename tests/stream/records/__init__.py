"""Tests of `stream.records`."""
