"""Tests of `drift.alarms`."""
