"""Tests of `learners.metrics`."""
