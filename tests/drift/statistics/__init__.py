"""Tests of `drift.statistics`."""
