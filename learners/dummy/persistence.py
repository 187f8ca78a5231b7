"""Persistence: predicts the previous message's labels, with the probability that they stay."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Values, Vector, compiled, fields
from learners.core import Prediction, Targets, in_both
from learners.dummy.priors import PriorBased

STAYING_DECAY = 0.999
"""Decay per message of the counts behind the probability of staying: an effective 1,000 messages."""


class Persistence(PriorBased):
    """Predicts the labels of the previous message: what any learner must beat to have learned anything.

    A previous label's score is the share of previous labels that stayed recently; any other label's is its
    prior times 1 minus half of that share. Labels that a message leaves unknown stay as they were.

    Examples
    --------
    >>> learner = Persistence()
    >>> learner.learn_one({"wind": 1.0}, {"storm": True, "snow": False})
    >>> learner.predict_one({"wind": 0.0})
    {'storm': True, 'snow': False}

    References
    ----------
    Zliobaite, Bifet, Read, Pfahringer and Holmes, "Evaluation methods and decision theory for
    classification of streaming data with temporal dependence", Machine Learning 2015.
    """

    state_fields = fields(Arrays("_previous"), Values("_stayed", "_asked"))

    def __init__(self) -> None:
        super().__init__()
        self._previous = np.zeros(0, dtype=np.intp)
        self._stayed = 0.5
        self._asked = 1.0

    @property
    def labels(self) -> Ids:
        """The previous message's labels, ascending. Shape (k,)."""
        return self._previous

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,); the vector is ignored."""
        del x
        priors = self._priors.shared()
        scores = np.empty_like(priors)
        temper(priors, self._previous, self.staying, scores)
        return scores

    @property
    def staying(self) -> float:
        """The share of previous labels that stayed recently."""
        return self._stayed / self._asked

    def predict(self, x: Vector) -> Prediction:
        """Return the previous message's labels."""
        return Prediction(self._previous, self.score(x))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Remember one message's labels."""
        self._count(x)
        self._learn_priors(x, targets)
        if targets.complete:
            stayed = in_both(self._previous, targets.positive)
            self._stayed = self._stayed * STAYING_DECAY + stayed
            self._asked = self._asked * STAYING_DECAY + len(self._previous)
        self._previous = targets.positive if targets.complete else self._kept(targets)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._previous = np.setdiff1d(self._previous, labels, assume_unique=True)

    def _kept(self, targets: Targets) -> Ids:
        unknown = targets.unknown(len(self.label_space))
        return np.union1d(self._previous[unknown[self._previous]], targets.positive)


@compiled
def temper(priors: Vector, previous: Ids, staying: float, scores: Vector) -> None:
    """Fill in the scores of some labels for their priors, given the places of the previous ones."""
    factor = np.float32(1.0 - 0.5 * staying)
    for label in range(len(priors)):
        scores[label] = priors[label] * factor
    for label in previous:
        scores[label] = staying
