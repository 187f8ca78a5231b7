"""The experts of `IHOMER` that forget by learning of other labels, and so rehearse: its regressions."""

from __future__ import annotations

from typing import NamedTuple

from drift.core import Ids, Vector
from learners.core import Targets, given_part
from learners.ensemble.shortlist import spread
from learners.linear_model import (
    AdaptiveLogisticRegression,
    RecursiveLeastSquares,
    Regressed,
    SparseLogisticRegression,
    sigmoid,
)


class Views(NamedTuple):
    """One vector in the forms that the experts use."""

    direction: Vector
    standard: Vector
    scaled: Vector


class Modelled(NamedTuple):
    """What the models say of one vector; teaching them needs it again.

    `listed` are the labels that were scored, None for all `labels`. A model that abstains, or that sleeps,
    says None.
    """

    views: Views
    labels: int
    listed: Ids | None
    linear: Vector
    linear_scaled: Vector
    linear_sparse: Vector | None
    ridge: Regressed
    ridge_scaled: Regressed | None

    def among(self, targets: Targets) -> Targets:
        """Return targets as places among the labels that were scored."""
        return targets if self.listed is None else targets.among(self.listed)


class Models:
    """Logistic and ridge regression, on a vector's direction, on the scaled vector and on its sparse part."""

    def __init__(self) -> None:
        self.linear = AdaptiveLogisticRegression()
        self.linear_scaled = AdaptiveLogisticRegression(variance=0.3, forgetting=0.0)
        self.linear_sparse = SparseLogisticRegression()
        self.ridge = RecursiveLeastSquares(ridge=0.1)
        self.ridge_scaled = RecursiveLeastSquares()

    def ask(
        self, x: Vector, views: Views, logits: Vector, listed: Ids | None, *, ridge_scaled: bool
    ) -> Modelled:
        """Return what they say of all labels, or of listed ones, given the logits of `linear` for all."""
        return Modelled(
            *(views, len(logits), listed, sigmoid(logits if listed is None else logits[listed])),
            sigmoid(self.linear_scaled.logits(views.scaled, listed)),
            None if given_part(x) is None else self.linear_sparse.score(x, listed),
            self.ridge.regress(views.direction, listed),
            self.ridge_scaled.regress(views.scaled, listed) if ridge_scaled else None,
        )

    def teach(self, said: Modelled, x: Vector, targets: Targets, known: Targets) -> None:
        """Teach the models that were asked; `known` are the targets among the labels that were scored."""
        views, listed = said.views, said.listed
        if said.linear_sparse is not None:
            self.linear_sparse.update(x, spread(said.linear_sparse, listed, said.labels), targets)
        self.linear.update_some(views.direction, said.linear, known, listed)
        self.linear_scaled.update_some(views.scaled, said.linear_scaled, known, listed)
        self.ridge.update(views.direction, said.ridge, known, listed)
        if said.ridge_scaled is not None:
            self.ridge_scaled.update(views.scaled, said.ridge_scaled, known, listed)
