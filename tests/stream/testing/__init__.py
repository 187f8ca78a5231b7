"""Tests of `stream.testing`."""
