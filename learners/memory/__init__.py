"""Bounded memories of past messages in which rare labels stay, and the rehearsal of silent labels."""

from learners.memory.rehearsal import Rehearsal
from learners.memory.slots import Slots

__all__ = [
    "Rehearsal",
    "Slots",
]
