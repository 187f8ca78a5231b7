"""Label priors: how often each label has occurred recently, independent of the features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drift.core import Arrays, Floats, Ids, State, Values, Vector, check_number, compiled, fields, grown
from learners.core import LabelSpace, Learner, Targets

VECTORISED = 900
"""Labels from which on log-odds are computed in single precision, several at a time."""
INHERITED_WEIGHT = 20.0
"""Messages that an inherited prior counts as."""


class LabelPriors(Learner):
    """Exponentially decayed frequency of each label: the baseline that learners with features have to beat.

    A label's score is its decayed count of positives over the decayed count of messages in which it was
    known. Complete messages from before a label first appeared count as negative.

    Parameters
    ----------
    half_life
        Messages after which an occurrence counts half, at least 1. Too short and scores fluctuate with
        every message; too long and a label that fades keeps a high score for that long.

    Examples
    --------
    >>> learner = LabelPriors()
    >>> learner.learn_one({"a": 1.0}, {"rain": True, "snow": False})
    >>> learner.predict_one({"a": 0.0})
    {'rain': True, 'snow': False}
    """

    state_fields = fields(Arrays("_positive", "_known", cut="_size"), Values("_complete"))

    def __init__(self, half_life: float = 2000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        super().__init__()
        self._positive = np.zeros(0)
        self._known = np.zeros(0)
        self._size = 0
        self._complete = 0.0
        self._keep = 0.5 ** (1.0 / half_life)
        # Computed once per message, for all callers.
        self._scores: Vector | None = None
        self._logits: Vector | None = None

    @property
    def counted(self) -> int:
        """How many labels have been counted; those with higher ids are new."""
        return self._size

    def score(self, x: Vector) -> Vector:
        """Return each label's decayed frequency, shape (L,); the vector is ignored."""
        del x
        return self.shared().copy()

    def shared(self) -> Vector:
        """Return the scores for many readers: an array that must not be changed."""
        size = len(self.label_space)
        if self._scores is None or len(self._scores) != size:
            self._scores = np.empty(size, dtype=np.float32)
            _frequencies(self._positive, self._known, self._size, self._complete, self._scores)
        return self._scores

    def logits(self) -> Vector:
        """Return the log-odds of the scores, shape (L,)."""
        if self._logits is None or len(self._logits) != len(self.label_space):
            size = len(self.label_space)
            if size < VECTORISED:
                self._scores, self._logits = np.empty((2, size), dtype=np.float32)
                counts = self._positive, self._known, self._size, self._complete
                _with_log_odds(*counts, self._scores, self._logits)
            else:
                logits = np.subtract(1, scores := self.shared())
                self._logits = np.log(np.divide(scores, logits, out=logits), out=logits)
        return self._logits

    def learn(self, x: Vector, targets: Targets) -> None:
        """Count one message."""
        self._count(x)
        self._scores = self._logits = None
        positive, negative = targets
        self._grow(len(self.label_space))
        _count(self._positive, self._known, self._size, positive, negative, self._keep)
        if negative is None:
            self._complete = self._complete * self._keep + 1.0

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`; the prior counts as `INHERITED_WEIGHT` messages."""
        del parent
        self._grow(len(self.label_space))
        self._known[label] = INHERITED_WEIGHT
        self._positive[label] = INHERITED_WEIGHT * prior
        self._scores = self._logits = None

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; the new ones were absent in every complete message so far."""
        super().forget(labels)
        self._grow(int(labels[-1]) + 1)
        self._positive[labels], self._known[labels] = 0.0, self._complete
        self._scores = self._logits = None

    def _grow(self, size: int) -> None:
        self._positive = grown(self._positive, size)
        if size > self._size:
            self._known = grown(self._known, size)
            self._known[self._size : size] = self._complete
            self._size = size

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._scores = self._logits = None


@compiled
def _frequencies(positive: Floats, known: Floats, size: int, complete: float, scores: Vector) -> None:
    """Fill in the frequencies; labels past the first `size` were known in every complete message."""
    for label in range(len(scores)):
        # A prior of half a positive and half a negative: one message alone is little evidence.
        if label < size:
            scores[label] = (positive[label] + 0.5) / (known[label] + 1.0)
        else:
            scores[label] = 0.5 / (complete + 1.0)


@compiled
def _with_log_odds(
    positive: Floats, known: Floats, size: int, complete: float, scores: Vector, logits: Vector
) -> None:
    """Fill in the frequencies and their log-odds."""
    _frequencies(positive, known, size, complete, scores)
    for label in range(len(scores)):
        logits[label] = math.log(scores[label] / (1.0 - np.float64(scores[label])))


@compiled
def _count(
    positive: Floats, known: Floats, size: int, labels: Ids, negative: Ids | None, keep: float
) -> None:
    if negative is None:
        for label in range(size):
            positive[label] *= keep
            known[label] = known[label] * keep + 1.0
    else:
        told = np.zeros(size, dtype=np.bool_)
        told[labels] = True
        told[negative] = True
        for label in range(size):
            if told[label]:
                positive[label] *= keep
                known[label] = known[label] * keep + 1.0
    for label in labels:
        positive[label] += 1.0


class PriorBased(Learner):
    """A learner that starts from label priors: its own, or shared ones that another learner updates."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._priors = LabelPriors()
        self._priors.share(self.label_space)
        self._teaches = True

    def follow(self, priors: LabelPriors) -> None:
        """Use priors that another learner updates from now on, so that several learners share one copy."""
        self._priors = priors
        self._teaches = False

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`."""
        if self._teaches:
            self._priors.inherit(label, parent, prior)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        if self._teaches:
            self._priors.forget(labels)

    def _learn_priors(self, x: Vector, targets: Targets) -> None:
        if self._teaches:
            self._priors.learn(x, targets)

    def share(self, label_space: LabelSpace) -> None:
        """See `Learner.share`."""
        super().share(label_space)
        self._priors.share(label_space)

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | ({"priors": self._priors.state()} if self._teaches else {})

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        if self._teaches:
            self._priors.load_state(state["priors"])
