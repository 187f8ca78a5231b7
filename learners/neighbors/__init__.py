"""Nearest neighbours over a window of recent messages."""

from learners.neighbors.nearest import NearestNeighbours, Neighbours

__all__ = [
    "NearestNeighbours",
    "Neighbours",
]
