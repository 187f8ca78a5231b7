"""Learners that ignore the features: the baselines that every other learner has to beat."""

from learners.dummy.majority import MajorityLabelset
from learners.dummy.persistence import Persistence, temper
from learners.dummy.priors import LabelPriors, PriorBased

__all__ = [
    "LabelPriors",
    "MajorityLabelset",
    "Persistence",
    "PriorBased",
    "temper",
]
