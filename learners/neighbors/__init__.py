"""Nearest neighbours over a window of recent messages."""

from learners.neighbors.aging import AgingNeighbours
from learners.neighbors.nearest import NOBODY, NearestNeighbours, Neighbours
from learners.neighbors.self_adjusting import SelfAdjustingNeighbours
from learners.neighbors.window import vote

__all__ = [
    "NOBODY",
    "AgingNeighbours",
    "NearestNeighbours",
    "Neighbours",
    "SelfAdjustingNeighbours",
    "vote",
]
