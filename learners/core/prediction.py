"""What a learner says of a message: its prediction, and what that is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Vector
from learners.core.labels import best_labels


class Prediction(NamedTuple):
    """What a learner says of one message before it sees the truth.

    Parameters
    ----------
    labels
        Ids of the predicted labels, ascending. Shape (k,).
    scores
        One probability per label of `scored`, float32 in [0, 1]. Shape (n,).
    scored
        Ids of the labels that have a score, ascending; None (the default) means every known label, n = L.
        The rest were ruled out without being looked at: their probability is 0.

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

    def best(self, k: int) -> tuple[Ids, Vector]:
        """Return the k labels with the best scores (or all that have one), best first, and their scores."""
        best = best_labels(self.scores, k)
        return (best if self.scored is None else self.scored[best]), self.scores[best]

    def among(self, labels: Ids) -> Prediction:
        """Return what is said of some labels (ascending, each once), as far as they have a score."""
        if self.scored is None:
            scored = places = labels[labels < len(self.scores)]
        else:
            scored = np.intersect1d(labels, self.scored, assume_unique=True)
            places = np.searchsorted(self.scored, scored)
        return Prediction(
            np.intersect1d(self.labels, labels, assume_unique=True), self.scores[places], scored
        )


class Neighbour(NamedTuple):
    """A past message that a prediction leans on.

    Parameters
    ----------
    number
        Which learned message it is, counting from 0.
    weight
        Its share of the vote, in [0, 1].
    labels
        Ids of the labels it carried.
    """

    number: int
    weight: float
    labels: Ids


class Explanation(NamedTuple):
    """What a prediction is made of.

    Parameters
    ----------
    labels
        Ids of the labels explained: the predicted ones and the next likeliest. Shape (k,).
    opinions
        Each expert's probability of each of these labels, by the expert's name: k numbers.
    weights
        How much each expert's opinion counts for each of these labels; over the experts they add up to 1.
    neighbours
        The past messages that are nearest, nearest first.
    """

    labels: Ids
    opinions: dict[str, list[float]]
    weights: dict[str, list[float]]
    neighbours: Sequence[Neighbour]
