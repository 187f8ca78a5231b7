"""Tests of `learners.cluster`."""
