"""The experts of `IHOMER` that forget by learning of other labels, and so rehearse: its regressions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from drift.core import Floats, Ids, Vector, compiled
from learners.core import Targets, given_part
from learners.dummy import LabelPriors
from learners.ensemble.experts import (
    ABSTAINS,
    EXPERTS,
    LINEAR,
    LINEAR_SCALED,
    LINEAR_SPARSE,
    RIDGE,
    RIDGE_SCALED,
)
from learners.ensemble.shortlist import spread
from learners.linear_model import (
    AdaptiveLogisticRegression,
    RecursiveLeastSquares,
    SparseLogisticRegression,
)
from learners.linear_model.laplace import INTERCEPT, laplace
from learners.linear_model.logistic import add_logits, sigmoids
from learners.linear_model.ridge import correct, regress
from learners.preprocessing import Views


class Modelled(NamedTuple):
    """What the models say of one vector; teaching them needs it again.

    Parameters
    ----------
    views
        The vector.
    labels, listed
        How many labels there are, and those that were scored, None for all.
    scores
        One row for each expert, in which those of the models are filled in. Shape (experts, n).
    inputs, scaled_inputs, values
        What the two ridge regressions made of the vector, and their values, shape (2, n).
    ridge_scaled, linear_sparse
        Whether these were asked, and do not abstain.
    """

    views: Views
    labels: int
    listed: Ids | None
    scores: Vector
    inputs: Floats
    scaled_inputs: Floats
    values: Vector
    ridge_scaled: bool
    linear_sparse: bool

    def among(self, targets: Targets) -> Targets:
        """Return targets as places among the labels that were scored."""
        return targets if self.listed is None else targets.among(self.listed)


class Models:
    """Logistic and ridge regression, on a vector's direction, on the scaled vector and on its sparse part.

    Parameters
    ----------
    priors
        Those that the logistic regressions start from.
    """

    def __init__(self, priors: LabelPriors) -> None:
        self.linear = AdaptiveLogisticRegression()
        self.linear_scaled = AdaptiveLogisticRegression(variance=0.3, forgetting=0.0)
        self.linear_sparse = SparseLogisticRegression()
        self.ridge = RecursiveLeastSquares(ridge=0.1)
        self.ridge_scaled = RecursiveLeastSquares()
        self._priors = priors

    def ask(
        self, x: Vector, views: Views, listed: Ids | None, logits: Vector | None, *, ridge_scaled: bool
    ) -> Modelled:
        """Return what they say of all labels, or of listed ones, given the logits of `linear` for all."""
        priors = self._priors.logits()
        wanted = len(priors) if listed is None else len(listed)
        scores = np.empty((len(EXPERTS), wanted), dtype=np.float32)
        values = np.empty((2, wanted), dtype=np.float32)
        inputs, scaled_inputs = self.ridge.inputs(views.scaled), self.ridge_scaled.inputs(views.scaled)
        size = len(views.scaled)
        _ask(
            *(listed, priors, views.direction, views.scaled),
            *(self.linear.weights_of(None), logits, self.linear_scaled.weights_of(listed)),
            *self.ridge.asked(size),
            inputs,
            *self.ridge_scaled.asked(size),
            *(scaled_inputs, ridge_scaled, values, scores),
        )
        part = given_part(x)
        if part is not None:
            scores[LINEAR_SPARSE] = self.linear_sparse.score(x, listed)
        return Modelled(
            *(views, len(priors), listed, scores, inputs, scaled_inputs, values),
            *(ridge_scaled, part is not None),
        )

    def teach(self, said: Modelled, x: Vector, targets: Targets, known: Targets) -> None:
        """Teach the models that were asked; `known` are the targets among the labels that were scored."""
        (direction, _, scaled), listed = said.views, said.listed
        if said.linear_sparse:
            self.linear_sparse.update(x, spread(said.scores[LINEAR_SPARSE], listed, said.labels), targets)
        _teach(
            *(listed, *known, direction, scaled, said.values, said.scores),
            *self.linear.taught(direction, listed),
            *self.linear_scaled.taught(scaled, listed),
            *self.ridge.taught(direction, said.inputs, listed),
            said.inputs,
        )
        if said.ridge_scaled:
            inputs = said.scaled_inputs
            settings = self.ridge_scaled.taught(scaled, inputs, listed)
            correct(*settings, inputs, said.values[1], *known, listed)


@compiled
def _ask(
    listed: Ids | None,
    priors: Vector,
    direction: Vector,
    scaled: Vector,
    linear: Vector,
    linear_logits: Any,
    linear_scaled: Vector,
    ridge: Vector,
    places: Ids,
    signs: Floats,
    inputs: Floats,
    ridge_scaled: Vector,
    scaled_places: Ids,
    scaled_signs: Floats,
    scaled_inputs: Floats,
    scaled_asked: bool,
    values: Vector,
    scores: Vector,
) -> None:
    """Fill in the models' rows of the scores; see `Modelled`, and `regress` for what the regressions need.

    `linear_logits` are given of all labels where some are listed, and None where none are.
    """
    if listed is None:
        logits, scaled_logits = priors.copy(), priors.copy()
        add_logits(linear, direction, INTERCEPT, None, logits)
    else:
        logits, scaled_logits = linear_logits[listed], priors[listed]
    sigmoids(logits, scores[LINEAR])
    add_logits(linear_scaled, scaled, INTERCEPT, listed, scaled_logits)
    sigmoids(scaled_logits, scores[LINEAR_SCALED])
    regress(direction, ridge, places, signs, inputs, values[0], scores[RIDGE], listed)
    if scaled_asked:
        regress(
            *(scaled, ridge_scaled, scaled_places, scaled_signs),
            *(scaled_inputs, values[1], scores[RIDGE_SCALED], listed),
        )
    else:
        scores[RIDGE_SCALED] = ABSTAINS
    scores[LINEAR_SPARSE] = ABSTAINS


@compiled
def _teach(
    listed: Ids | None,
    positive: Ids,
    negative: Ids | None,
    direction: Vector,
    scaled: Vector,
    values: Vector,
    scores: Vector,
    weights: Vector,
    variances: Vector,
    settings: Vector,
    scaled_weights: Vector,
    scaled_variances: Vector,
    scaled_settings: Vector,
    inverse: Floats,
    ridge: Vector,
    drift: float,
    most: float,
    inputs: Floats,
) -> None:
    """Teach the models that never sleep; see `laplace` and `correct`."""
    laplace(weights, variances, settings, listed, direction, scores[LINEAR], positive, negative)
    laplace(
        *(scaled_weights, scaled_variances, scaled_settings, listed),
        *(scaled, scores[LINEAR_SCALED], positive, negative),
    )
    correct(inverse, ridge, drift, most, inputs, values[0], positive, negative, listed)
