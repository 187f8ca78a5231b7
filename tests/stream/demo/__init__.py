"""Tests of `stream.demo`."""
