"""Tests of `stream.worker`."""
