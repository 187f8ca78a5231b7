"""Tests of `stream.actions`."""
