"""Recursive least squares for all labels at once: second-order, so it needs few messages."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from learners.base import Learner, State, Vector
from learners.compiled import compiled
from learners.growth import grown
from learners.labels import Targets
from learners.linear import errors, with_intercept
from learners.parameters import check_number


class RecursiveLeastSquares(Learner):
    """Online ridge regression of each label's indicator; all labels share one inverse covariance.

    Because the features are the same for all labels, the expensive matrix is kept once: a message costs
    O(r² + L r), whatever the number of labels does to other second-order methods. Vectors longer than
    `rank` are folded into it by signed hashing of their positions.

    Parameters
    ----------
    ridge
        Penalty on squared weights, in (0, inf). Too small overfits the first messages, too large learns
        slowly.
    rank
        Longest vector kept exactly, at least 1; its square is the memory and the work a message.
    drift
        How much the weights are expected to wander per message, in [0, 1): added to the inverse
        covariance's diagonal, so that it never becomes deaf. 0 is plain least squares.

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

    def __init__(self, ridge: float = 1.0, rank: int = 256, drift: float = 1e-5) -> None:
        check_number(self, "ridge", ridge, float, 0, open_low=True)
        check_number(self, "rank", rank, int, 1)
        check_number(self, "drift", drift, float, 0, 1)
        self.ridge = ridge
        self.rank = rank
        self.drift = drift
        super().__init__()
        self._inverse: NDArray[np.float64] = np.zeros((0, 0))
        self._weights: NDArray[np.float64] = np.zeros((0, 0))
        self._fold = (np.zeros(0, dtype=np.intp), np.zeros(0))

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,): the regression's value, cut to [0.001, 0.999]."""
        return np.clip(self._raw(self._inputs(x)), 0.001, 0.999).astype(np.float32)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one exact least-squares step."""
        self._count(x)
        inputs = self._inputs(x)
        error = errors(self._raw(inputs).astype(np.float32), targets)
        self._grow(len(inputs))
        gain = self._inverse @ inputs
        scale = 1.0 / (1.0 + float(inputs @ gain))
        _step(self._inverse, self._weights, gain, scale, error, self.drift, 1.0 / self.ridge)

    def _raw(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = len(self.label_space)
        have = self._weights[:rows, : len(inputs)]
        values = np.zeros(rows)
        values[: len(have)] = have @ inputs[: have.shape[1]]
        return values

    def _inputs(self, x: Vector) -> NDArray[np.float64]:
        inputs = with_intercept(x)
        if len(x) <= self.rank:
            # As long as the matrix, even where this vector is shorter than an earlier one.
            padded = np.zeros(max(len(inputs), len(self._inverse)))
            padded[: len(inputs)] = inputs
            return padded
        slots, signs = self._folding(len(x))
        folded = np.zeros(self.rank + 1)
        folded[0] = 1.0
        folded[1:] = np.bincount(slots, weights=inputs[1:] * signs, minlength=self.rank)
        return folded

    def _folding(self, size: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        # The first `rank` positions stay where they are: features that appear later move nothing.
        if len(self._fold[0]) < size:
            seed = int.from_bytes(hashlib.blake2b(b"fold", digest_size=8).digest(), "little")
            draw = np.random.default_rng(seed).integers(0, 2 * self.rank, size=max(size, 1))
            slots, signs = draw >> 1, np.where(draw & 1, 1.0, -1.0)
            first = min(size, self.rank)
            slots[:first], signs[:first] = np.arange(first), 1.0
            self._fold = (slots.astype(np.intp), signs)
        return self._fold[0][:size], self._fold[1][:size]

    def _grow(self, size: int) -> None:
        have = len(self._inverse)
        if size > have:
            # Growing by exactly what is needed keeps the matrix contiguous, as BLAS wants it.
            larger = np.zeros((size, size))
            larger[:have, :have] = self._inverse
            larger[range(have, size), range(have, size)] = 1.0 / self.ridge
            self._inverse = larger
        self._weights = grown(self._weights, len(self.label_space), size)

    def state(self) -> State:
        """See `Learner.state`."""
        labels, size = len(self.label_space), len(self._inverse)
        weights = grown(self._weights, labels, size)[:labels, :size]
        return super().state() | {"inverse": self._inverse, "weights": weights}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._inverse = np.array(state["inverse"])
        self._weights = np.array(state["weights"])


@compiled
def _step(
    inverse: NDArray[np.float64],
    weights: NDArray[np.float64],
    gain: NDArray[np.float64],
    scale: float,
    error: Vector,
    drift: float,
    most: float,
) -> None:
    size = len(gain)
    for label in range(len(error)):
        step = error[label] * scale
        for i in range(size):
            weights[label, i] -= step * gain[i]
    for i in range(size):
        step = scale * gain[i]
        for j in range(size):
            inverse[i, j] -= step * gain[j]
        inverse[i, i] = min(inverse[i, i] + drift, max(most, inverse[i, i]))
