"""Tests of `stream.taxonomy`."""
