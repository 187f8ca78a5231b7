"""Learners by name, for the command line and configuration."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from river.base import Classifier
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.neighbors import KNNClassifier, LazySearch
from river.preprocessing import StandardScaler
from river.tree import HoeffdingAdaptiveTreeClassifier, HoeffdingTreeClassifier

from learners.base import Learner
from learners.ihomer import IHOMER
from learners.linear import AdaptiveLogisticRegression
from learners.linear import LogisticRegression as Linear
from learners.majority import MajorityLabelset
from learners.neighbours import NearestNeighbours
from learners.persistence import PreviousLabels
from learners.priors import LabelPriors
from learners.ridge import RecursiveLeastSquares
from learners.river_models import BinaryRelevance, ClassifierChain
from learners.trees import HoeffdingAdaptiveTree


def br_logistic_regression(allow_pickle: bool = False) -> BinaryRelevance:
    """Return river's logistic regression on standardised features, one per label."""
    return BinaryRelevance(LogisticRegression(), StandardScaler(), allow_pickle)


def br_naive_bayes(allow_pickle: bool = False) -> BinaryRelevance:
    """Return river's Gaussian naive Bayes, one per label."""
    classifier: type[Classifier] = GaussianNB  # whose constructor has no types
    return BinaryRelevance(classifier(), None, allow_pickle)


def br_hoeffding_tree(allow_pickle: bool = False) -> BinaryRelevance:
    """Return river's Hoeffding tree, one per label."""
    return BinaryRelevance(HoeffdingTreeClassifier(), None, allow_pickle)


def br_hat(seed: int = 1, allow_pickle: bool = False) -> BinaryRelevance:
    """Return river's Hoeffding adaptive tree, one per label."""
    return BinaryRelevance(HoeffdingAdaptiveTreeClassifier(seed=seed), None, allow_pickle)


def br_knn(n_neighbors: int = 5, window: int = 1000, allow_pickle: bool = False) -> BinaryRelevance:
    """Return river's nearest neighbours on standardised features, one exact search per label."""
    # river's default search draws from an unseeded generator: two runs would differ.
    engine = LazySearch(window_size=window)
    return BinaryRelevance(KNNClassifier(n_neighbors, engine), StandardScaler(), allow_pickle)


def cc_logistic_regression(allow_pickle: bool = False) -> ClassifierChain:
    """Return a chain of river's logistic regressions on standardised features."""
    return ClassifierChain(LogisticRegression(), StandardScaler(), allow_pickle)


def cc_hoeffding_tree(allow_pickle: bool = False) -> ClassifierChain:
    """Return a chain of river's Hoeffding trees."""
    return ClassifierChain(HoeffdingTreeClassifier(), None, allow_pickle)


LEARNERS: dict[str, Callable[..., Learner]] = {
    "ihomer": IHOMER,
    "linear": Linear,
    "adaptive-linear": AdaptiveLogisticRegression,
    "ridge": RecursiveLeastSquares,
    "knn": NearestNeighbours,
    "mlhat": HoeffdingAdaptiveTree,
    "priors": LabelPriors,
    "previous-labels": PreviousLabels,
    "majority": MajorityLabelset,
    "br-logistic-regression": br_logistic_regression,
    "br-naive-bayes": br_naive_bayes,
    "br-hoeffding-tree": br_hoeffding_tree,
    "br-hat": br_hat,
    "br-knn": br_knn,
    "cc-logistic-regression": cc_logistic_regression,
    "cc-hoeffding-tree": cc_hoeffding_tree,
}
"""What makes each learner; `br` is binary relevance and `cc` a classifier chain over river's models."""


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
