"""Learners by name, for the command line and configuration."""

from __future__ import annotations

from typing import Any

from drift.core import Registry
from learners.core import Learner
from learners.dummy import LabelPriors, MajorityLabelset, Persistence
from learners.ensemble import IHOMER
from learners.hierarchy import LabelExpansion
from learners.linear_model import (
    AdaptiveLogisticRegression,
    RecursiveLeastSquares,
    SparseLogisticRegression,
)
from learners.linear_model import LogisticRegression as Linear
from learners.neighbors import AgingNeighbours, NearestNeighbours, SelfAdjustingNeighbours
from learners.tree import HoeffdingAdaptiveTree

BASELINES = ("persistence", "majority")
"""Names of the learners that look at no feature: what every other one is held against."""

LEARNERS = Registry[Learner](
    "learner",
    {
        "ihomer": IHOMER,
        "expansion": LabelExpansion,
        "linear": Linear,
        "adaptive-linear": AdaptiveLogisticRegression,
        "sparse-linear": SparseLogisticRegression,
        "ridge": RecursiveLeastSquares,
        "knn": NearestNeighbours,
        "arknn": AgingNeighbours,
        "mlsamknn": SelfAdjustingNeighbours,
        "hoeffding-adaptive-tree": HoeffdingAdaptiveTree,
        "extreme": "learners.extreme:ExtremeClassifier",  # imports torch
        "priors": LabelPriors,
        "persistence": Persistence,
        "majority": MajorityLabelset,
        "br-lr": "learners.published:br_lr",
        "br-knn": "learners.published:br_knn",
        "br-nb": "learners.published:br_nb",
        "br-amr": "learners.published:br_amr",
        "br-ht": "learners.published:br_ht",
        "br-hat": "learners.published:br_hat",
        "br-efdt": "learners.published:br_efdt",
        "br-sgt": "learners.published:br_sgt",
        "br-amf": "learners.published:br_amf",
        "br-arf": "learners.published:br_arf",
        "br-abalr": "learners.published:br_abalr",
        "br-abolr": "learners.published:br_abolr",
        "cc": "learners.published:cc",
        "isoup-tree": "learners.published:isoup_tree",
        "mlht": "learners.published:mlht",
        "mlht-ps": "learners.published:mlht_ps",
    },
)
"""What makes each learner; `br` is binary relevance: one river model per label. Those named by their
module need torch, or many of river's models, which take seconds to import."""

TITLES = {
    "ihomer": "iHOMER",
    "expansion": "Label expansion",
    "linear": "Linear",
    "adaptive-linear": "Adaptive linear",
    "sparse-linear": "Sparse linear",
    "ridge": "RLS",
    "knn": "kNN on label-sets",
    "arknn": "ARkNN",
    "mlsamknn": "MLSAMkNN",
    "hoeffding-adaptive-tree": "Hoeffding adaptive tree",
    "extreme": "Extreme",
    "priors": "Label priors",
    "persistence": "Persistence",
    "majority": "Majority label-set",
    "br-lr": "LR",
    "br-knn": "kNN",
    "br-nb": "NB",
    "br-amr": "AMR",
    "br-ht": "HT",
    "br-hat": "HAT",
    "br-efdt": "EFDT",
    "br-sgt": "SGT",
    "br-amf": "AMF",
    "br-arf": "ARF",
    "br-abalr": "ABALR",
    "br-abolr": "ABOLR",
    "cc": "CC",
    "isoup-tree": "iSOUP-Tree",
    "mlht": "MLHT",
    "mlht-ps": "MLHT-PS",
}
"""How the literature, and so a table, calls each learner."""


def make(name: str, **parameters: Any) -> Learner:
    """Return a new learner by its name.

    Parameters
    ----------
    name
        A key of `LEARNERS`.
    **parameters
        The learner's parameters; what is left out has the learner's default.

    Raises
    ------
    ValueError
        When there is no such learner, or it has no such parameter; says what there is.

    Examples
    --------
    >>> make("priors", half_life=500).half_life
    500
    >>> make("majorty")
    Traceback (most recent call last):
    ...
    ValueError: There is no learner named 'majorty'. Did you mean 'majority'?
    """
    return LEARNERS.make(name, parameters)
