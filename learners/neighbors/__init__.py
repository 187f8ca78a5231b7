"""Nearest neighbours over a window of recent messages, and the nearest of the labels' means."""

from learners.neighbors.aging import AgingNeighbours
from learners.neighbors.class_mean import Compared, NearestClassMean
from learners.neighbors.nearest import NOBODY, NearestNeighbours, Neighbours
from learners.neighbors.self_adjusting import SelfAdjustingNeighbours
from learners.neighbors.window import vote

__all__ = [
    "NOBODY",
    "AgingNeighbours",
    "Compared",
    "NearestClassMean",
    "NearestNeighbours",
    "Neighbours",
    "SelfAdjustingNeighbours",
    "vote",
]
