"""Predictions, and explanations of what they are based on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from drift.core import Ids, Vector
from learners.core.label_space import LabelSpace
from learners.core.labels import best_labels


class Computed(NamedTuple):
    """What a learner computed for a prediction, kept so that `explain` and `learn_predicted` need not again.

    Parameters
    ----------
    revision
        The state of the learner that computed it: a new object after every change.
    work
        The learner's own.
    """

    revision: object
    work: Any


class Prediction(NamedTuple):
    """A learner's prediction for one message, made before its labels are known.

    Parameters
    ----------
    labels
        Ids of the predicted labels, ascending. Shape (k,).
    scores
        One probability per label of `scored`, float32 in [0, 1]. Shape (n,).
    scored
        Ids of the labels that have a score, ascending; None (the default) means every known label, n = L.
        The rest were excluded without being scored: their probability is 0.
    computed
        Intermediate results, for `Learner.explain` and `Learner.learn_predicted`; None where there are none.
    admitted
        Labels that its label space had admitted by then: later, ids may be other labels'. See `still_held`.
    ranked
        What `best` returned for some k, which then answers for every smaller one; None where it was not kept.

    Examples
    --------
    >>> shortlist = Prediction(np.array([7]), np.array([0.2, 0.9], dtype=np.float32), np.array([3, 7]))
    >>> shortlist.best(1)
    (array([7]), array([0.9], dtype=float32))
    >>> shortlist.among(np.array([3, 5])).scored
    array([3])
    """

    labels: Ids
    scores: Vector
    scored: Ids | None = None
    computed: Computed | None = None
    admitted: int = 0
    ranked: tuple[Ids, Vector] | None = None

    def still_held(self, space: LabelSpace) -> Prediction:
        """Return the prediction without labels that have left the space since."""
        if space.admitted == self.admitted or not space.left:
            return self
        scored = np.arange(len(self.scores)) if self.scored is None else self.scored
        labels, kept = (space.still(ids, self.admitted) for ids in (self.labels, scored))
        return self._replace(
            labels=self.labels[labels], scores=self.scores[kept], scored=scored[kept], ranked=None
        )

    def best(self, k: int) -> tuple[Ids, Vector]:
        """Return the k labels with the best scores (or all that have one), best first, and their scores."""
        if self.ranked is not None and min(k, len(self.scores)) <= len(self.ranked[0]):
            labels, scores = self.ranked
            return labels[:k], scores[:k]
        best = best_labels(self.scores, k)
        return (best if self.scored is None else self.scored[best]), self.scores[best]

    def leading(self, k: int) -> Ids:
        """Return k labels at most: the predicted ones, then those with the best scores, best first."""
        # Plain lists: for five labels, set operations on arrays cost more than all the rest.
        several = dict.fromkeys([*self.labels.tolist(), *self.best(k)[0].tolist()])
        return np.array(list(several)[:k], dtype=np.intp)

    def among(self, labels: Ids) -> Prediction:
        """Return the prediction for some labels only (ascending, each once), as far as they have a score."""
        if self.scored is None:
            scored = places = labels[labels < len(self.scores)]
        else:
            scored = np.intersect1d(labels, self.scored, assume_unique=True)
            places = np.searchsorted(self.scored, scored)
        predicted = np.intersect1d(self.labels, labels, assume_unique=True)
        return Prediction(predicted, self.scores[places], scored, admitted=self.admitted)


class Neighbour(NamedTuple):
    """A past message that a prediction is based on.

    Parameters
    ----------
    number
        Index of the learned message, counting from 0.
    weight
        Its share of the vote, in [0, 1].
    labels
        Ids of the labels it carried.
    """

    number: int
    weight: float
    labels: Ids


class Explanation(NamedTuple):
    """The components of a prediction.

    Parameters
    ----------
    labels
        Ids of the labels explained: the predicted ones and the next most probable ones. Shape (k,).
    opinions
        Each expert's probabilities of these labels, by the expert's name: k numbers.
    weights
        Each expert's weight for each of these labels; over the experts they add up to 1.
    neighbours
        The most similar past messages, most similar first.
    """

    labels: Ids
    opinions: dict[str, list[float]]
    weights: dict[str, list[float]]
    neighbours: Sequence[Neighbour]
