"""Tests of `drift.monitors`."""
