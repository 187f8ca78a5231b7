"""Tests of `learners.extreme`."""
