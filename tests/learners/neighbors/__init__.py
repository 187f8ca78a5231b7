"""Tests of `learners.neighbors`."""
