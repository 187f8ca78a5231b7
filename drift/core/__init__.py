"""What detectors, monitors and learners are made of: arrays, compiled code, state, registries."""

from drift.core.arrays import Counts, Floats, Ids, Mask, Vector, grown
from drift.core.compiled import compiled
from drift.core.registry import Registry
from drift.core.state import Arrays, Inlined, Lists, Parts, State, Stateful, Values, digest, fields

__all__ = [
    "Arrays",
    "Counts",
    "Floats",
    "Ids",
    "Inlined",
    "Lists",
    "Mask",
    "Parts",
    "Registry",
    "State",
    "Stateful",
    "Values",
    "Vector",
    "compiled",
    "digest",
    "fields",
    "grown",
]
