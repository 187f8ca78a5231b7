"""The experts of `IHOMER`: what they say, a row for each, and how its regressions are asked and taught.

What always runs in sequence is one compiled function, which calls those of the experts' own methods: to cross
from Python costs as much as what most of them compute. The regressions forget by learning of other labels, so
they rehearse.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from drift.core import Floats, Ids, Vector, compiled
from learners.core import Targets, given_part, places_among
from learners.dummy import LabelPriors, temper
from learners.ensemble.shortlist import joined, spread
from learners.linear_model import (
    INTERCEPT,
    AdaptiveLogisticRegression,
    RecursiveLeastSquares,
    SparseLogisticRegression,
    add_logits,
    correct,
    laplace_step,
    regress,
    sigmoids,
)
from learners.neighbors import vote
from learners.preprocessing import Views

EXPERTS = (
    *("linear", "linear_scaled", "ridge", "ridge_scaled", "near_angle", "near_standard"),
    *("priors", "previous", "tree", "linear_sparse"),
)
"""All experts, in the order of the mixture's rows."""
LINEAR, LINEAR_SCALED, RIDGE, RIDGE_SCALED, NEAR_ANGLE, NEAR_STANDARD = range(6)
PRIORS, PREVIOUS, TREE, LINEAR_SPARSE = range(6, len(EXPERTS))
PART_TIME = ("ridge_scaled", "near_standard", "tree")
"""Experts that may sleep: they cost the most, and on many streams the others do as well without them."""
ABSTAINS = np.float32(0.5)
"""Output of an expert that abstains: it adds nothing to the sum, and earns no trust."""


class Modelled(NamedTuple):
    """What the models say of one vector; teaching them needs it again.

    Parameters
    ----------
    views
        The vector.
    listed
        The labels that were scored, None for all.
    scores
        One row for each expert, in which those of the models are filled in. Shape (experts, n).
    inputs, scaled_inputs, values
        What the two ridge regressions made of the vector, and their values, shape (2, n).
    ridge_scaled, linear_sparse
        Whether these were asked, and do not abstain.
    """

    views: Views
    listed: Ids | None
    scores: Vector
    inputs: Floats
    scaled_inputs: Floats
    values: Vector
    ridge_scaled: bool
    linear_sparse: bool

    def joined(self, more: Modelled, missed: Ids, every: Ids) -> Modelled:
        """Return this with what was said of missed labels; `every` are the ids of both, ascending."""
        rows = joined(every, missed, (self.scores, self.values), (more.scores, more.values))
        scores, values = rows[: len(EXPERTS)], rows[len(EXPERTS) :]
        return self._replace(listed=every, scores=scores, values=values)


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
        ridge = self.ridge.asked(len(views.scaled))
        # Where it sleeps, the other one's stand for its own, and are not looked at.
        scaled = self.ridge_scaled.asked(len(views.scaled)) if ridge_scaled else ridge
        _ask(
            *(listed, priors, views.direction, views.scaled),
            *(self.linear.weights_of(None), logits, self.linear_scaled.weights_of(listed)),
            *(*ridge, *scaled, ridge_scaled, values, scores),
        )
        part = given_part(x)
        if part is not None:
            scores[LINEAR_SPARSE] = self.linear_sparse.score(x, listed)
        return Modelled(
            *(views, listed, scores, ridge[-1], scaled[-1], values),
            *(ridge_scaled, part is not None),
        )

    def teach(self, said: Modelled, x: Vector, targets: Targets) -> None:
        """Teach the models that were asked of the labels that were scored."""
        (direction, _, scaled), listed = said.views, said.listed
        known = targets.among(listed)
        if said.linear_sparse:
            labels = len(self.linear_sparse.label_space)
            self.linear_sparse.update(x, spread(said.scores[LINEAR_SPARSE], listed, labels), targets)
        _teach(
            *(listed, *known, direction, scaled, said.values, said.scores),
            *(*self.linear.taught(direction, listed), *self.linear_scaled.taught(scaled, listed)),
            *(*self.ridge.taught(direction, said.inputs, listed), said.inputs),
        )
        if said.ridge_scaled:
            inputs = said.scaled_inputs
            changed = self.ridge_scaled.taught(scaled, inputs, listed)
            correct(*(*changed, inputs, said.values[1], *known, listed))


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
    """Teach the models that never sleep; see `laplace_step` and `correct`."""
    laplace_step(weights, variances, settings, listed, direction, scores[LINEAR], positive, negative)
    laplace_step(
        *(scaled_weights, scaled_variances, scaled_settings, listed),
        *(scaled, scores[LINEAR_SCALED], positive, negative),
    )
    correct(inverse, ridge, drift, most, inputs, values[0], positive, negative, listed)


@compiled
def add_opinions(
    listed: Ids | None,
    priors: Vector,
    previous: Ids,
    staying: float,
    weights: Floats,
    rows: Ids,
    other_weights: Floats,
    other_rows: Ids,
    other_asked: bool,
    labels: Ids,
    positives: Ids,
    negatives: Ids,
    scores: Vector,
) -> None:
    """Fill in the rows of the neighbours, the priors and the previous labels; the tree abstains for now.

    Parameters
    ----------
    listed
        The labels that are scored (ids, ascending), None for all.
    priors
        Of all labels. Shape (L,).
    previous, staying
        The previous message's labels, and the probability that they stay.
    weights, rows, other_weights, other_rows, other_asked
        The neighbours by angle; those by standardised distance, and whether these do not abstain.
    labels, positives, negatives
        See `learners.neighbors.window.vote`.
    scores
        One row for each expert. Shape (experts, n).
    """
    vote(weights, rows, labels, positives, negatives, listed, scores[NEAR_ANGLE])
    if other_asked:
        vote(other_weights, other_rows, labels, positives, negatives, listed, scores[NEAR_STANDARD])
    else:
        scores[NEAR_STANDARD] = ABSTAINS
    if listed is None:
        scores[PRIORS] = priors
        temper(priors, previous, staying, scores[PREVIOUS])
    else:
        scores[PRIORS] = priors[listed]
        temper(scores[PRIORS], places_among(previous, listed), staying, scores[PREVIOUS])
    scores[TREE] = ABSTAINS
