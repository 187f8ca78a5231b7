"""Detectors of change in one series of numbers: ADWIN, and sequential tests that decide as river's do."""

from drift.detectors.catalogue import Detector, build

__all__ = [
    "Detector",
    "build",
]
