"""Tests of `learners.dummy`."""
