"""Nearest neighbours on label-sets over a window of recent messages, in which rare labels stay."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from drift.core import Floats, Ids, State, Vector, check_number, compiled
from learners.core import MAX_LABELS, Learner, Neighbour, Prediction, Targets
from learners.neighbors.columns import Codes, Columns, nearest
from learners.neighbors.window import NOTHING, Window, sets


class Neighbours(NamedTuple):
    """The messages of the window that are near a vector, nearest first.

    Parameters
    ----------
    weights
        Share of the vote of each, summing to 1. Shape (k,).
    ids, sizes
        Their label-sets, concatenated, shape (sum of sizes,), and the size of each, shape (k,).
    rows
        Their rows in the window, valid until it learns again. Shape (k,).
    """

    weights: Floats
    ids: Ids
    sizes: Ids
    rows: Ids

    def said(self) -> tuple[Ids, Ids, Floats]:
        """Return the label-sets, concatenated, the size of each, and its share of the vote."""
        return self.ids, self.sizes, self.weights

    def label_sets(self, most: int) -> list[Ids]:
        """Return the label-sets of the nearest `most` messages."""
        sizes = self.sizes[:most].tolist()
        ends = accumulate(sizes)
        return [self.ids[end - size : end] for size, end in zip(sizes, ends, strict=True)]


NOBODY = Neighbours(np.zeros(0), NOTHING, NOTHING, NOTHING)


class NearestNeighbours(Learner):
    """The label-sets of the k nearest recent messages vote, weighted by inverse distance.

    Neighbours vote for whole label-sets, so a predicted combination of labels has occurred before.

    Parameters
    ----------
    k
        Neighbours that vote, at least 1. With 1 the vote is noisy; with too many, rare labels are outvoted.
    window
        Messages kept, at least `k`. Memory and time grow with it; a smaller window forgets faster.
    enough
        A label with fewer messages than this in the window keeps them there, however old they are, as long
        as half of the window is recent; at least 0. With 0, a window of the most recent messages alone, a
        label that falls silent is forgotten; with many, less of the window is recent. The votes of messages
        that stay count for as much as their label is frequent. See `Slots`.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = NearestNeighbours(k=1)
    >>> learner.learn_one({"wind": 9.0, "sun": 0.0}, {"storm": True, "beach": False})
    >>> learner.learn_one({"wind": 1.0, "sun": 8.0}, {"storm": False, "beach": True})
    >>> learner.predict_one({"wind": 7.0, "sun": 1.0})
    {'storm': True, 'beach': False}

    References
    ----------
    Spyromitros, Tsoumakas and Vlahavas, "An empirical study of lazy multilabel classification
    algorithms", SETN 2008.
    """

    def __init__(
        self, k: int = 10, window: int = 1000, enough: int = 0, max_labels: int = MAX_LABELS
    ) -> None:
        check_number(self, "k", k, int, 1)
        check_number(self, "window", window, int, k)
        self.k = k
        self.window = window
        self.enough = enough
        super().__init__(max_labels)
        self._said = Window(window, enough)
        self._leads = True
        self._vectors = Columns(window)

    def follow(self, other: NearestNeighbours) -> None:
        """Share the window of another learner, of the same size, that learns every message first."""
        self._said, self._leads = other._said, False

    @property
    def said(self) -> Window:
        """What the messages of the window said."""
        return self._said

    def nearest(self, x: Vector) -> Neighbours:
        """Return the neighbours of a vector of shape (d,)."""
        have = min(self._messages, self.window)
        if not have:
            return NOBODY
        k = min(self.k, have)
        (rows, sizes), weights = np.empty((2, k), dtype=np.intp), np.empty(k)
        labels, positives, _ = self._said.tables
        ids = _find(*(*self._vectors.tables, x, have, rows, weights, labels, positives, sizes))
        self._said.weigh(rows, weights)
        return Neighbours(weights, ids, sizes, rows)

    def numbers(self, neighbours: Neighbours) -> list[int]:
        """Return the index of each neighbour among all learned messages, counting from 0."""
        numbers: list[int] = self._said.messages(neighbours.rows).tolist()
        return numbers

    def described(self, neighbours: Neighbours, most: int) -> list[Neighbour]:
        """Return the nearest `most` messages, with their numbers and labels."""
        each = zip(
            self.numbers(neighbours), neighbours.weights.tolist(), neighbours.label_sets(most), strict=False
        )
        return [Neighbour(*one) for one in each]

    def vote(self, neighbours: Neighbours, labels: Ids | None = None) -> Vector:
        """Return the weighted share of neighbours with each label, where it is known, shape (n,).

        Of some labels (ids, ascending), or of all where None, the default.
        """
        return self._said.vote(neighbours.rows, neighbours.weights, len(self.label_space), labels)

    def score(self, x: Vector) -> Vector:
        """Return each label's share of the vote, shape (L,)."""
        return self.vote(self.nearest(x))

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set with the largest vote; among equal ones, the nearest."""
        neighbours = self.nearest(x)
        return Prediction(loudest(neighbours), self.vote(neighbours))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Replace a message of the window by this one; see `Slots`."""
        if self._leads:
            self._said.add(targets)
        self._count(x)
        self._vectors.put(self._said.row, x)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; the messages stay, without the labels that leave."""
        super().forget(labels)
        if self._leads:
            self._said.forget(labels)

    def state(self) -> State:
        """See `Learner.state`."""
        rows = min(self._messages, self.window)
        said = self._said.state() if self._leads else {}
        return super().state() | self._vectors.state(rows, self._features) | said

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._vectors.load_state(state)
        if self._leads:
            self._said.load_state(state, self._messages)


@compiled
def _find(
    vectors: Vector,
    norms: Vector,
    codes: Codes,
    scales: Floats,
    slacks: Floats,
    places: Ids,
    pending: int,
    x: Vector,
    used: int,
    rows: Ids,
    weights: Floats,
    labels: Ids,
    positives: Ids,
    sizes: Ids,
) -> Ids:
    """Fill in the rows of the nearest vectors, their weights and how many labels each has; return these."""
    nearest(vectors, norms, codes, scales, slacks, places, pending, x, used, rows, weights)
    return sets(rows, labels, positives, sizes)


def loudest(neighbours: Neighbours) -> Ids:
    """Return the label-set with the largest summed weight; among equal ones, the first."""
    votes: dict[bytes, float] = {}
    sets = neighbours.label_sets(len(neighbours.sizes))
    for weight, labels in zip(neighbours.weights.tolist(), sets, strict=True):
        key = labels.tobytes()
        votes[key] = votes.get(key, 0.0) + weight
    return np.frombuffer(max(votes, key=lambda key: votes[key], default=b""), dtype=np.intp)
