"""Recursive least squares for all labels at once: second-order, so it needs few messages."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from drift.core import Arrays, Floats, Ids, State, Vector, check_number, compiled, fields, grown
from learners.core import LARGEST, MAX_LABELS, Learner, Targets, add_products, add_products_of
from learners.linear_model.laplace import errors

LEAST_RIDGE = 1e-12
"""Least penalty: with far smaller ones the inverse covariance overflows, and scores are NaN."""
WILD = 2.0
"""Distance of the regression's value from 0 and 1 beyond which a message counts less, to its square."""
LEAST_LEFT = 0.03
"""Least share of a variance that one message leaves."""


class Regressed(NamedTuple):
    """The regression's output for one vector, which the update needs again.

    Parameters
    ----------
    inputs
        The vector with an intercept, folded. Shape (r + 1,).
    values
        The regression's value for each label. Shape (L,).
    scores
        The values clipped to [0.001, 0.999]. Shape (L,).
    """

    inputs: Floats
    values: Vector
    scores: Vector


class RecursiveLeastSquares(Learner):
    """Online ridge regression of each label's indicator; all labels share one inverse covariance.

    Because the features are the same for all labels, the expensive matrix is stored once: a message costs
    O(r² + L r), where other second-order methods have a matrix per label. Vectors longer than `rank` are
    folded into it by signed hashing of their positions. A message has bounded influence, however wild its
    features are: it counts less the farther values are beyond what indicators can be.

    Parameters
    ----------
    ridge
        Penalty on squared weights, in [1e-12, inf). Too small overfits the first messages, too large learns
        slowly.
    rank
        Longest vector kept exactly, at least 1; memory and work per message grow with its square.
    drift
        Random walk of the weights that is expected per message, in [0, 1]: added to the inverse covariance's
        diagonal, so that learning never stops. 0 is plain least squares.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = RecursiveLeastSquares()
    >>> for wind in (1.0, -1.0) * 3:
    ...     learner.learn_one({"wind": wind}, {"storm": wind > 0})
    >>> learner.predict_one({"wind": 1.0})
    {'storm': True}

    References
    ----------
    Haykin, "Adaptive Filter Theory", chapter on recursive least squares. Folding: Weinberger et al.,
    "Feature hashing for large scale multitask learning", ICML 2009.
    """

    state_fields = fields(Arrays("_inverse", "_weights"))

    def __init__(
        self, ridge: float = 1.0, rank: int = 256, drift: float = 1e-5, max_labels: int = MAX_LABELS
    ) -> None:
        check_number(self, "ridge", ridge, float, LEAST_RIDGE)
        check_number(self, "rank", rank, int, 1)
        check_number(self, "drift", drift, float, 0, 1)
        self.ridge = ridge
        self.rank = rank
        self.drift = drift
        super().__init__(max_labels)
        self._inverse: Floats = np.zeros((0, 0))
        # One row per input: inputs that are 0 cost nothing.
        self._weights: Vector = np.zeros((0, 0), dtype=np.float32)
        self._fold = (np.zeros(0, dtype=np.intp), np.zeros(0))

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,): the regression's value, clipped to [0.001, 0.999]."""
        return self.regress(x).scores

    def regress(self, x: Vector, labels: Ids | None = None) -> Regressed:
        """Return the regression's output for a vector of shape (d,), before its labels are known.

        `labels`: ids, ascending, of the labels that it is wanted for; None (the default) for all.
        """
        wanted = len(self.label_space) if labels is None else len(labels)
        asked, (values, scores) = self.asked(len(x)), np.empty((2, wanted), dtype=np.float32)
        regress(*(x, *asked, values, scores, labels))
        return Regressed(asked[-1], values, scores)

    def asked(self, size: int) -> tuple[Any, ...]:
        """Return what `regress` needs for vectors of a length: weights, places, signs, room for inputs."""
        places, signs = self._fold if len(self._fold[0]) >= size else self._folding(size)
        # At least as long as the matrix, even if this vector is shorter than an earlier one.
        return self._weights, places, signs, np.empty(max(min(size, self.rank) + 1, len(self._inverse)))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one exact least-squares step."""
        self.update(x, self.regress(x), targets)

    def update(self, x: Vector, regressed: Regressed, targets: Targets, labels: Ids | None = None) -> None:
        """Learn as `learn` does, from what `regress` gave for the same vector and labels.

        `targets` are places among the labels, if these are not all.
        """
        inputs, values, _ = regressed
        correct(*(*self.taught(x, inputs, labels), inputs, values, *targets, labels))

    def taught(self, x: Vector, inputs: Floats, labels: Ids | None) -> tuple[Any, ...]:
        """Count a message; return what `correct` changes for some labels or all, and its settings."""
        self._count(x)
        self._grow(len(inputs))
        if labels is not None:
            self._weights = np.asfortranarray(self._weights)
        return self._inverse, self._weights, self.drift, 1.0 / self.ridge

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._weights[:, labels[labels < self._weights.shape[1]]] = 0.0

    def _folding(self, size: int) -> tuple[Ids, Floats]:
        # The first `rank` positions keep their slots: features that appear later do not move them.
        seed = int.from_bytes(hashlib.blake2b(b"fold", digest_size=8).digest(), "little")
        draw = np.random.default_rng(seed).integers(0, 2 * self.rank, size=max(size, 1))
        slots, signs = draw >> 1, np.where(draw & 1, 1.0, -1.0)
        first = min(size, self.rank)
        slots[:first], signs[:first] = np.arange(first), 1.0
        self._fold = (slots.astype(np.intp), signs)
        return self._fold

    def _grow(self, size: int) -> None:
        have = len(self._inverse)
        if size > have:
            larger = np.zeros((size, size))
            larger[:have, :have] = self._inverse
            larger[range(have, size), range(have, size)] = 1.0 / self.ridge
            self._inverse = larger
        self._weights = grown(self._weights, size, len(self.label_space))

    def state(self) -> State:
        """See `Learner.state`."""
        labels, size = len(self.label_space), len(self._inverse)
        return super().state() | {"weights": grown(self._weights, size, labels)[:size, :labels]}


@compiled
def regress(
    x: Vector,
    weights: Vector,
    slots: Ids,
    signs: Floats,
    inputs: Floats,
    values: Vector,
    scores: Vector,
    labels: Ids | None,
) -> None:
    """Fill in (1, x), folded, and the regression's values for it; missing values are 0."""
    inputs[:] = 0.0
    inputs[0] = 1.0
    for i in range(len(x)):
        if not np.isnan(x[i]):
            inputs[slots[i] + 1] += min(max(x[i], -LARGEST), LARGEST) * signs[i]
    sums, single = np.zeros(len(values), dtype=np.float32), inputs.astype(np.float32)
    if labels is None:
        add_products(weights, single, sums[: weights.shape[1]])
    else:
        labels = labels[labels < weights.shape[1]]
        add_products_of(weights, labels, single, sums[: len(labels)])
    for label in range(len(values)):
        values[label], scores[label] = sums[label], min(max(sums[label], 0.001), 0.999)


@compiled
def correct(
    inverse: Floats,
    weights: Vector,
    drift: float,
    most: float,
    inputs: Floats,
    values: Vector,
    positive: Ids,
    negative: Ids | None,
    labels: Ids | None,
) -> None:
    """Take one exact least-squares step, given what `regress` filled in."""
    steps = gain(inverse, inputs, drift, most, _weight(values))
    error = errors(values, positive, negative)
    if labels is None:
        _correct_all(weights, steps, error)
    else:
        _correct_some(weights, labels, steps, error)


@compiled
def _weight(values: Vector) -> float:
    """Return how much a message counts: less than 1 where its values say that its features are wild."""
    beyond = WILD
    for value in values:
        beyond = max(beyond, abs(np.float64(value) - 0.5) - 0.5)
    return (WILD / beyond) ** 2


@compiled
def gain(inverse: Floats, inputs: Floats, drift: float, most: float, weight: float) -> Floats:
    """Update the inverse covariance; return the step of each input's weights for an error of 1."""
    gained, doubt = np.zeros(len(inputs)), 0.0
    add_products(inverse, inputs, gained)
    for i in range(len(inputs)):
        doubt += inputs[i] * gained[i]
    weight = min(weight, 1.0 / (LEAST_LEFT * doubt)) if doubt > 0.0 else weight
    scale = weight / (1.0 + weight * doubt)
    for i in range(len(inputs)):
        for j in range(len(inputs)):
            # This order keeps the matrix symmetric to the last bit, and so stable.
            inverse[i, j] -= gained[i] * gained[j] * scale
        inverse[i, i] = min(inverse[i, i] + drift, max(most, inverse[i, i]))
    return gained * scale


@compiled
def _correct_all(weights: Vector, steps: Floats, error: Vector) -> None:
    for i in range(len(steps)):
        step = np.float32(steps[i])
        for label in range(len(error)):
            weights[i, label] -= step * error[label]


@compiled
def _correct_some(weights: Vector, labels: Ids, steps: Floats, error: Vector) -> None:
    single = steps.astype(np.float32)
    for place in range(len(labels)):
        # One view for each label: its weights then lie in a row, and are moved several at once.
        own, wrong = weights[:, labels[place]], error[place]
        for i in range(len(single)):
            own[i] -= single[i] * wrong
