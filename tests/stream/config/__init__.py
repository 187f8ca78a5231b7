"""Tests of `stream.config`."""
