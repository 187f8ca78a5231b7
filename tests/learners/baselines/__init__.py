"""Tests of `learners.baselines`."""
