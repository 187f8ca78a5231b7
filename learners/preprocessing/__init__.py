"""What is done to a vector before a learner sees it: standardising, and directions."""

from learners.preprocessing.directions import Directions
from learners.preprocessing.scaling import StandardScaler, shrunk, unit

__all__ = [
    "Directions",
    "StandardScaler",
    "shrunk",
    "unit",
]
