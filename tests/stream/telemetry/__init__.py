"""Tests of `stream.telemetry`."""
