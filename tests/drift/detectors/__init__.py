"""Tests of `drift.detectors`."""
