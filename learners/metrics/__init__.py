"""Prequential scores: multi-label, hierarchical, and the calibration of probabilities."""

from learners.metrics.f1 import f1
from learners.metrics.prequential import Prequential, RecentScores, Scores

__all__ = [
    "Prequential",
    "RecentScores",
    "Scores",
    "f1",
]
