"""Tests of `learners.ensemble`."""
