"""Change detectors for one series of numbers: ADWIN, and sequential tests that decide as river's do."""

from drift.detectors.adwin import ADWIN
from drift.detectors.catalogue import Detector, build

__all__ = [
    "ADWIN",
    "Detector",
    "build",
]
