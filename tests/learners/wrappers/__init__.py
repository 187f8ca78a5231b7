"""Tests of `learners.wrappers`."""
