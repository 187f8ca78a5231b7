"""Tests of `learners.uncertainty`."""
