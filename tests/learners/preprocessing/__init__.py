"""Tests of `learners.preprocessing`."""
