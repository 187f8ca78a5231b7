"""Tests of `drift.core`."""
