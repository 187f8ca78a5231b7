"""Tests of `stream.broker`."""
