"""Preprocessing of vectors before a learner sees them: standardisation, and directions."""

from learners.preprocessing.directions import Directions, Views
from learners.preprocessing.scaling import FREE, StandardScaler, is_lone, reach, set_unit, shrunk, unit

__all__ = [
    "FREE",
    "Directions",
    "StandardScaler",
    "Views",
    "is_lone",
    "reach",
    "set_unit",
    "shrunk",
    "unit",
]
