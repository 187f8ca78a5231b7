"""Tests of `learners.hierarchy`."""
