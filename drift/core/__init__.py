"""What detectors, monitors and learners are made of: arrays, compiled code, state, registries."""

from drift.core.arrays import Counts, Floats, Ids, Mask, Vector, grown
from drift.core.compiled import compiled
from drift.core.registry import Registry, suggestion
from drift.core.state import State

__all__ = [
    "Counts",
    "Floats",
    "Ids",
    "Mask",
    "Registry",
    "State",
    "Vector",
    "compiled",
    "grown",
    "suggestion",
]
