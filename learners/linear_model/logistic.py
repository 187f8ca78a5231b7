"""Online logistic regression for all labels at once: one pass through the weights per message."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Ids, State, Vector, check_number, compiled, fields, grown
from learners.core import MAX_LABELS, Learner, Targets, add_products, add_products_of
from learners.dummy import PriorBased
from learners.linear_model.laplace import INTERCEPT, LARGEST_VARIANCE, errors, laplace_step, with_intercept

LARGEST_RATE = 1000000
"""Largest rate, with which sums of products with the largest values stay finite in single precision."""


class LogisticRegression(Learner):
    """Binary relevance by stochastic gradient descent with a normalised step.

    A gradient is divided by the squared length of the vector (1, x), as in normalised least mean squares: a
    message moves its own log-odds by `rate` times its error. Predicts the same as a
    `river.linear_model.LogisticRegression` per label with these steps, in one matrix product.

    Parameters
    ----------
    rate
        Step size, in (0, 1000000], in log-odds. Too small learns slowly. The default, the inverse of the
        loss's greatest curvature, is the largest that never overshoots a message; above 8 scores may not
        settle. Features should be of one scale, as only the length of the whole vector is normalised.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = LogisticRegression(rate=0.5)
    >>> for _ in range(20):
    ...     learner.learn_one({"wind": 1.0}, {"storm": True})
    ...     learner.learn_one({"wind": -1.0}, {"storm": False})
    >>> learner.predict_one({"wind": 1.0}), learner.predict_one({"wind": -1.0})
    ({'storm': True}, {'storm': False})
    """

    state_fields = fields(Arrays("_weights"))

    def __init__(self, rate: float = 4.0, max_labels: int = MAX_LABELS) -> None:
        check_number(self, "rate", rate, float, 0, LARGEST_RATE, open_low=True)
        self.rate = rate
        super().__init__(max_labels)
        # One row per feature: zeros cost nothing. Row 0 is the intercept, because features may be added.
        self._weights: Vector = np.zeros((1, 0), dtype=np.float32)

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,)."""
        logits = np.zeros(len(self.label_space), dtype=np.float32)
        add_logits(self._weights, x, 1.0, None, logits)
        return sigmoid(logits)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one gradient step per label that is known for the message."""
        self.update(x, self.score(x), targets)

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """Learn as `learn` does, from the scores that `score` gave for the same vector, shape (L,)."""
        self._count(x)
        self._weights = grown(self._weights, len(x) + 1, len(self.label_space))
        _descend(self._weights, x, self.rate, scores, *targets)

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`; the weights are the parent's."""
        super().inherit(label, parent, prior)
        self._weights = grown(self._weights, 1, len(self.label_space))
        self._weights[:, label] = self._weights[:, parent]

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._weights[:, labels[labels < self._weights.shape[1]]] = 0.0

    def state(self) -> State:
        """See `Learner.state`."""
        rows, labels = self._features + 1, len(self.label_space)
        return super().state() | {"weights": grown(self._weights, rows, labels)[:rows, :labels]}


class AdaptiveLogisticRegression(PriorBased, LogisticRegression):
    """Binary relevance by Bayesian logistic regression on top of label priors: rare features learn fast.

    Every weight has a Gaussian posterior, whose variance is its learning rate: large until the feature has
    occurred with the label in doubt, small afterwards. The logit starts from the label's running frequency,
    so a new label is neither over-predicted after its first message nor ignored for thousands.

    Parameters
    ----------
    variance
        Prior variance of a weight, in (0, 1000000]: how far one message may move it. Vectors of unit length
        need about 30, longer ones less, in inverse proportion to their squared length. Too small learns rare
        labels slowly, too large lets the first messages decide.
    forgetting
        Relative growth of a variance whenever its weight is updated, in [0, 1]: with 0 learning ends, and
        much above 0.01 it never converges.
    tolerance
        Errors below it are not learned from, in [0, 1]: most labels of a large space are surely absent, and
        their rows are skipped. Above 0.1 probabilities of rare labels stay too high.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = AdaptiveLogisticRegression()
    >>> learner.learn_one({"wind": 1.0}, {"storm": True})
    >>> learner.learn_one({"wind": -1.0}, {"storm": False})
    >>> learner.predict_one({"wind": 1.0})
    {'storm': True}

    References
    ----------
    Spiegelhalter and Lauritzen, "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 1990: the Laplace step. Chapelle and Li, "An empirical evaluation of Thompson
    sampling", 2011: with a diagonal covariance.
    """

    state_fields = fields(Arrays("_variances"))

    def __init__(
        self,
        variance: float = 30.0,
        forgetting: float = 0.01,
        tolerance: float = 0.01,
        max_labels: int = MAX_LABELS,
    ) -> None:
        check_number(self, "variance", variance, float, 0, LARGEST_VARIANCE, open_low=True)
        check_number(self, "forgetting", forgetting, float, 0, 1)
        check_number(self, "tolerance", tolerance, float, 0, 1)
        self.variance = variance
        self.forgetting = forgetting
        self.tolerance = tolerance
        super().__init__(max_labels=max_labels)
        # One row per label: of few labels all are read.
        self._variances: Vector = np.zeros((0, 1), dtype=np.float32)
        self._settings: Vector = np.array((variance, 1.0 + forgetting, tolerance), dtype=np.float32)

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,)."""
        return sigmoid(self.logits(x))

    def logits(self, x: Vector, labels: Ids | None = None) -> Vector:
        """Return the log-odds of some labels (ids, ascending; None, the default, for all), shape (n,)."""
        logits = self._priors.logits().copy() if labels is None else self._priors.logits()[labels]
        add_logits(self.weights_of(labels), x, INTERCEPT, labels, logits)
        return logits

    def weights_of(self, labels: Ids | None) -> Vector:
        """Return the weights, a row for each input, laid out to read some labels, or all where None."""
        if labels is not None:
            # By columns, since few of them are read; what follows keeps them so.
            self._weights = np.asfortranarray(self._weights)
        return self._weights

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """See `LogisticRegression.update`."""
        laplace_step(*self.taught(x, None), None, x, scores, *targets)
        self._learn_priors(x, targets)

    def taught(self, x: Vector, labels: Ids | None) -> tuple[Vector, Vector, Vector]:
        """Count a message; return what `laplace_step` changes for some labels or all, and its settings."""
        self._count(x)
        size = len(x) + 1, len(self.label_space)
        self._weights = grown(self._weights, *size)
        self._variances = grown(self._variances, *size[::-1], fill=self.variance)
        return self._weights, self._variances, self._settings

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._variances[labels[labels < len(self._variances)]] = self.variance

    def state(self) -> State:
        """See `Learner.state`."""
        rows, labels = self._features + 1, len(self.label_space)
        variances = grown(self._variances, labels, rows, fill=self.variance)[:labels, :rows]
        return super().state() | {"variances": variances.T}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._variances = np.ascontiguousarray(self._variances.T)


def sigmoid(logits: NDArray[np.floating[Any]]) -> Vector:
    """Return 1 / (1 + exp(-logits)), without overflow."""
    scores = np.empty(len(logits), dtype=np.float32)
    sigmoids(logits, scores)
    return scores


@compiled
def sigmoids(logits: NDArray[np.floating[Any]], scores: Vector) -> None:
    """Fill in what `sigmoid` returns; for compiled code."""
    for n in range(len(logits)):
        scores[n] = _sigmoid(np.float64(logits[n]))


@compiled
def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


@compiled
def add_logits(weights: Vector, x: Vector, intercept: float, labels: Ids | None, logits: Vector) -> None:
    """Add what the weights say of some labels, or of all; those without weights get nothing."""
    inputs = with_intercept(x, intercept)
    if labels is None:
        add_products(weights, inputs, logits[: weights.shape[1]])
    else:
        labels = labels[labels < weights.shape[1]]
        add_products_of(weights, labels, inputs, logits[: len(labels)])


@compiled
def _descend(
    weights: Vector, x: Vector, rate: float, scores: Vector, positive: Ids, negative: Ids | None
) -> None:
    """Take one normalised gradient step for each label."""
    inputs = with_intercept(x, 1.0)
    step = np.float32(rate / (inputs * inputs).sum()) * errors(scores, positive, negative)
    for column in range(len(inputs)):
        for label in range(len(step)):
            weights[column, label] -= step[label] * inputs[column]
