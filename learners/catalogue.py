"""Learners by name, for the command line and configuration."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from drift.core import Registry
from learners.core import Learner
from learners.dummy import LabelPriors, MajorityLabelset, Persistence
from learners.ensemble import IHOMER
from learners.hierarchy import LabelExpansion
from learners.linear_model import AdaptiveLogisticRegression, RecursiveLeastSquares
from learners.linear_model import LogisticRegression as Linear
from learners.neighbors import NearestNeighbours
from learners.tree import HoeffdingAdaptiveTree

LEARNERS = Registry[Learner](
    {
        "ihomer": IHOMER,
        "expansion": LabelExpansion,
        "linear": Linear,
        "adaptive-linear": AdaptiveLogisticRegression,
        "ridge": RecursiveLeastSquares,
        "knn": NearestNeighbours,
        "mlhat": HoeffdingAdaptiveTree,
        "extreme": "learners.extreme:ExtremeClassifier",  # imports torch
        "priors": LabelPriors,
        "persistence": Persistence,
        "majority": MajorityLabelset,
        "br-lr": "learners.baselines:br_lr",
        "br-knn": "learners.baselines:br_knn",
        "br-nb": "learners.baselines:br_nb",
        "br-amr": "learners.baselines:br_amr",
        "br-ht": "learners.baselines:br_ht",
        "br-hat": "learners.baselines:br_hat",
        "br-efdt": "learners.baselines:br_efdt",
        "br-sgt": "learners.baselines:br_sgt",
        "br-amf": "learners.baselines:br_amf",
        "br-arf": "learners.baselines:br_arf",
        "br-abalr": "learners.baselines:br_abalr",
        "br-abolr": "learners.baselines:br_abolr",
        "cc": "learners.baselines:cc",
        "isoup-tree": "learners.baselines:isoup_tree",
        "mlht": "learners.baselines:mlht",
        "mlht-ps": "learners.baselines:mlht_ps",
    }
)
"""What makes each learner; `br` is binary relevance: one river model per label. Those named by their
module need torch, or many of river's models, which take seconds to import."""

TITLES = {
    "ihomer": "iHOMER",
    "expansion": "Label expansion",
    "linear": "Linear",
    "adaptive-linear": "Adaptive linear",
    "ridge": "RLS",
    "knn": "kNN on label-sets",
    "mlhat": "MLHAT",
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
    maker = LEARNERS.get(name)
    if maker is None:
        close = difflib.get_close_matches(name, LEARNERS, n=3)
        advice = f"Did you mean {_listed(close)}?" if close else f"Choose among {_listed(sorted(LEARNERS))}."
        raise ValueError(f"There is no learner named {name!r}. {advice}")
    allowed = inspect.signature(maker).parameters
    unknown = [parameter for parameter in parameters if parameter not in allowed]
    if unknown:
        takes = f"It takes {_listed(list(allowed))}." if allowed else "It takes none."
        raise ValueError(f"The learner {name!r} has no parameter {unknown[0]!r}. {takes}")
    return maker(**parameters)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
