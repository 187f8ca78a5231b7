"""Tests of `learners.memory`."""
