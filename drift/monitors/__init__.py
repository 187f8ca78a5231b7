"""What is watched, one file each, and all of it together."""

from drift.monitors.monitors import Monitors

__all__ = [
    "Monitors",
]
