"""Online logistic regression for all labels at once: a weight row per label, one product a message."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.base import Learner, State, Vector
from learners.compiled import compiled
from learners.growth import grown, roomy
from learners.labels import Ids, Targets
from learners.parameters import check_number
from learners.priors import PriorBased


class LogisticRegression(Learner):
    """Binary relevance by stochastic gradient descent with a constant rate.

    Predicts what one `river.linear_model.LogisticRegression` per label would, in one matrix product.

    Parameters
    ----------
    rate
        Step size, in (0, inf). Too small learns slowly, too large never settles; both depend on the
        scale of the features, so standardise them first.

    Examples
    --------
    >>> learner = LogisticRegression(rate=0.5)
    >>> for _ in range(20):
    ...     learner.learn_one({"wind": 1.0}, {"storm": True})
    ...     learner.learn_one({"wind": -1.0}, {"storm": False})
    >>> learner.predict_one({"wind": 1.0}), learner.predict_one({"wind": -1.0})
    ({'storm': True}, {'storm': False})
    """

    def __init__(self, rate: float = 0.01) -> None:
        check_number(self, "rate", rate, float, 0, open_low=True)
        self.rate = rate
        super().__init__()
        # Column 0 is the intercept, so that features may still grow to the right.
        self._weights: Vector = np.zeros((0, 1), dtype=np.float32)

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,)."""
        return sigmoid(self._logits(with_intercept(x)))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one gradient step per label that the message says yes or no to."""
        self.update(x, self.score(x), targets)

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """Learn as `learn` does, from the scores that `score` gave for the same vector, shape (L,)."""
        self._count(x)
        inputs = with_intercept(x)
        self._weights = roomy(self._weights, len(self.label_space), len(inputs))
        self._step(inputs, errors(scores, targets))

    def _step(self, inputs: Vector, error: Vector) -> None:
        weights = self._weights[: len(error), : len(inputs)]
        weights -= np.outer(np.float32(self.rate) * error, inputs)

    def _logits(self, inputs: Vector) -> Vector:
        # Labels and features newer than the weights stand for rows and columns of zeros.
        rows, columns = len(self.label_space), len(inputs)
        have = self._weights[:rows, :columns]
        logits = np.zeros(rows, dtype=np.float32)
        logits[: len(have)] = have @ inputs[: have.shape[1]]
        return logits

    def state(self) -> State:
        """See `Learner.state`."""
        labels, features = len(self.label_space), self._features + 1
        return super().state() | {"weights": grown(self._weights, labels, features)[:labels, :features]}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._weights = roomy(np.array(state["weights"]), *state["weights"].shape)


class AdaptiveLogisticRegression(PriorBased, LogisticRegression):
    """Binary relevance by AdaGrad, on top of each label's prior: rare features and rare labels learn fast.

    Every weight has its own rate, and the logit starts from the label's running frequency, so a new
    label is neither shouted at the first message nor ignored for thousands.

    Parameters
    ----------
    rate
        Step of a weight at its first gradients, in (0, inf). Vectors of about unit length want 0.1 to 1.
    caution
        Squared gradients a weight is taken to have seen, in (0, inf). Too small and the first messages
        decide, too large and rare features hardly count.
    tolerance
        Errors below it are not learned from, in [0, 1): most labels of a large space are surely absent,
        and their rows are left alone. Above 0.1 probabilities of rare labels stay too high.

    Examples
    --------
    >>> learner = AdaptiveLogisticRegression()
    >>> learner.learn_one({"wind": 1.0}, {"storm": True})
    >>> learner.learn_one({"wind": -1.0}, {"storm": False})
    >>> learner.predict_one({"wind": 1.0})
    {'storm': True}

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", JMLR 2011.
    """

    def __init__(self, rate: float = 1.0, caution: float = 0.1, tolerance: float = 0.01) -> None:
        check_number(self, "caution", caution, float, 0, open_low=True)
        check_number(self, "tolerance", tolerance, float, 0, 1)
        self.caution = caution
        self.tolerance = tolerance
        super().__init__(rate=rate)
        self._squares: Vector = np.zeros((0, 1), dtype=np.float32)
        self._settings: Vector = np.array((rate, caution, tolerance), dtype=np.float32)

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,)."""
        return sigmoid(self._logits(with_intercept(x)) + self._priors.logits())

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """See `LogisticRegression.update`."""
        super().update(x, scores, targets)
        self._learn_priors(x, targets)

    def _step(self, inputs: Vector, error: Vector) -> None:
        self._squares = roomy(self._squares, *self._weights.shape)
        _adagrad(self._weights, self._squares, inputs, _sparse_columns(inputs), error, self._settings)

    def state(self) -> State:
        """See `Learner.state`."""
        labels, features = len(self.label_space), self._features + 1
        squares = grown(self._squares, labels, features)[:labels, :features]
        return super().state() | {"squares": squares}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._squares = roomy(np.array(state["squares"]), *state["squares"].shape)


@compiled
def with_intercept(x: Vector) -> Vector:
    """Return (1, x) with missing values as 0, shape (d + 1,)."""
    inputs = np.empty(len(x) + 1, dtype=np.float32)
    inputs[0] = 1.0
    for i in range(len(x)):
        inputs[i + 1] = 0.0 if np.isnan(x[i]) else x[i]
    return inputs


def errors(scores: Vector, targets: Targets) -> Vector:
    """Return score minus truth, shape (L,); 0 for labels the message says nothing about."""
    error = scores.copy()
    error[targets.positive] -= 1.0
    if targets.negative is not None:
        error[~targets.known(len(error))] = 0.0
    return error


def sigmoid(logits: NDArray[np.float32]) -> Vector:
    """Return 1 / (1 + exp(-logits)), safe for any logit."""
    return (1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))).astype(np.float32, copy=False)


@compiled
def _sparse_columns(inputs: Vector) -> Ids:
    """Return the columns that are not 0; none where there are so many that running through all is faster."""
    columns, size = np.empty(len(inputs), dtype=np.intp), 0
    for column in range(len(inputs)):
        if inputs[column] != 0.0:
            columns[size] = column
            size += 1
    return columns[: size if 2 * size <= len(inputs) else 0]


@compiled
def _adagrad(
    weights: Vector, squares: Vector, inputs: Vector, columns: Ids, error: Vector, settings: Vector
) -> None:
    rate, caution, tolerance = settings[0], settings[1], settings[2]
    for row in range(len(error)):
        e = error[row]
        if abs(e) <= tolerance:
            continue
        if len(columns):
            for column in columns:
                g = e * inputs[column]
                squares[row, column] += g * g
                weights[row, column] -= rate * g / np.sqrt(squares[row, column] + caution)
        else:
            for column in range(len(inputs)):
                g = e * inputs[column]
                squares[row, column] += g * g
                weights[row, column] -= rate * g / np.sqrt(squares[row, column] + caution)
