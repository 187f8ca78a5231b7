"""Monitors, one property of a stream each, and their combination."""

from drift.monitors.monitors import Monitors

__all__ = [
    "Monitors",
]
