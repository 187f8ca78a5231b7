"""Tests of `learners.published`."""
