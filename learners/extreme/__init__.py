"""Very many labels: a tree of classifiers finds a shortlist, and only that is scored. Needs torch."""

from learners.extreme.classifier import ExtremeClassifier
from learners.extreme.device import choose_device

__all__ = [
    "ExtremeClassifier",
    "choose_device",
]
