"""Uncertainty of predictions: conformal sets, abstention, and labels that were left out."""

from learners.uncertainty.conformal import Confidence, ConfidenceStatistics, Conformal
from learners.uncertainty.positive_unlabelled import PositiveUnlabelled

__all__ = [
    "Confidence",
    "ConfidenceStatistics",
    "Conformal",
    "PositiveUnlabelled",
]
