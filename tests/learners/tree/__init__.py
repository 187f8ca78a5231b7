"""Tests of `learners.tree`."""
