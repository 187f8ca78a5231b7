"""Tests of `learners.core`."""
