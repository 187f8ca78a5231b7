"""Bounded memories of past messages in which rare labels stay, and the rehearsal of silent labels."""

from learners.memory.rehearsal import SILENCE, Rehearsal
from learners.memory.slots import Slots

__all__ = [
    "SILENCE",
    "Rehearsal",
    "Slots",
]
