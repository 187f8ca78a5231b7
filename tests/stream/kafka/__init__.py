"""Tests of `stream.kafka`."""
