"""Preprocessing of vectors before a learner sees them: standardisation, and directions."""

from learners.preprocessing.directions import Directions, Views
from learners.preprocessing.scaling import StandardScaler, set_unit, shrunk, unit

__all__ = [
    "Directions",
    "StandardScaler",
    "Views",
    "set_unit",
    "shrunk",
    "unit",
]
