"""Tests of `learners.linear_model`."""
