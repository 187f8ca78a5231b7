"""Nearest neighbours on label-sets over a window of recent messages, in which rare labels stay."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from drift.core import Floats, Ids, State, Vector, compiled, grown
from learners.core import (
    MAX_LABELS,
    Learner,
    Prediction,
    Targets,
    add_products,
    check_number,
    packed,
    unpacked,
)
from learners.memory import Slots

COMPLETE = -1
"""Number of negatives that means complete labels: all others are negative."""
NOTHING: Ids = np.zeros(0, dtype=np.intp)


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
        label that falls silent is forgotten; with many, rare labels outvote common ones. See `Slots`.
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
        self._slots = Slots(window, enough)
        # One row per feature, so that features that are 0 in a query cost nothing.
        self._vectors: Vector = np.zeros((0, window), dtype=np.float32)
        self._norms: Vector = np.zeros(window, dtype=np.float32)
        # Each message's positives, then its known negatives (their number is COMPLETE for all others).
        self._labels: Ids = np.zeros((window, 8), dtype=np.intp)
        self._positives: Ids = np.zeros(window, dtype=np.intp)
        self._negatives: Ids = np.zeros(window, dtype=np.intp)

    def nearest(self, x: Vector) -> Neighbours:
        """Return the neighbours of a vector of shape (d,)."""
        have = min(self._messages, self.window)
        if not have:
            return NOBODY
        k = min(self.k, have)
        weights, sizes, rows = np.empty(k), np.empty(k, dtype=np.intp), np.zeros(k, dtype=np.intp)
        _nearest(self._vectors, self._norms, have, x, rows, weights)
        return Neighbours(weights, _sets(rows, self._labels, self._positives, sizes), sizes, rows)

    def numbers(self, neighbours: Neighbours) -> list[int]:
        """Return the index of each neighbour among all learned messages, counting from 0."""
        return [self._slots.number(row) for row in neighbours.rows.tolist()]

    def vote(self, neighbours: Neighbours) -> Vector:
        """Return the weighted share of neighbours with each label, where it is known; shape (L,)."""
        said = (self._labels, self._positives, self._negatives)
        share = np.empty(len(self.label_space), dtype=np.float32)
        _vote(neighbours.weights, neighbours.rows, *said, share)
        return share

    def score(self, x: Vector) -> Vector:
        """Return each label's share of the vote, shape (L,)."""
        return self.vote(self.nearest(x))

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set with the largest vote; among equal ones, the nearest."""
        neighbours = self.nearest(x)
        return Prediction(loudest(neighbours), self.vote(neighbours))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Replace a message of the window by this one; see `Slots`."""
        row = self._slots.place(targets.positive)
        self._count(x)
        self._vectors = grown(self._vectors, len(x))
        _store(self._vectors[: self._features], self._norms, row, x)
        self._remember(row, targets)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; the messages stay, without the labels that leave."""
        super().forget(labels)
        _strike(labels, self._labels, self._positives, self._negatives)
        self._slots.forget(labels)

    def _remember(self, row: int, targets: Targets) -> None:
        negative = NOTHING if targets.negative is None else targets.negative
        self._labels = grown(self._labels, self.window, len(targets.positive) + len(negative))
        _note(self._labels[row], targets.positive, negative)
        self._positives[row] = len(targets.positive)
        self._negatives[row] = COMPLETE if targets.complete else len(negative)

    def state(self) -> State:
        """See `Learner.state`."""
        rows = min(self._messages, self.window)
        return super().state() | {
            "vectors": self._vectors[: self._features, :rows].T,
            "norms": self._norms[:rows],
            "numbers": self._slots.numbers,
            **packed([self._said(row) for row in range(rows)]),
        }

    def _said(self, row: int) -> Targets:
        """Return the targets of a message in the window."""
        labels, yes, no = self._labels[row], self._positives[row], self._negatives[row]
        return Targets(labels[:yes], None if no == COMPLETE else labels[yes : yes + no])

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        rows = len(state["norms"])
        self._vectors = np.zeros((self._features, self.window), dtype=np.float32)
        self._vectors[:, :rows] = state["vectors"].T
        self._norms = np.zeros(self.window, dtype=np.float32)
        self._norms[:rows] = state["norms"]
        targets = unpacked(state)
        for row, said in enumerate(targets):
            self._remember(row, said)
        self._slots.restore(state["numbers"], [said.positive for said in targets], self._messages)


def loudest(neighbours: Neighbours) -> Ids:
    """Return the label-set with the largest summed weight; among equal ones, the first."""
    votes: dict[bytes, float] = {}
    sets = neighbours.label_sets(len(neighbours.sizes))
    for weight, labels in zip(neighbours.weights.tolist(), sets, strict=True):
        key = labels.tobytes()
        votes[key] = votes.get(key, 0.0) + weight
    return np.frombuffer(max(votes, key=lambda key: votes[key], default=b""), dtype=np.intp)


@compiled
def _note(labels: Ids, positive: Ids, negative: Ids) -> None:
    for place in range(len(positive)):
        labels[place] = positive[place]
    for place in range(len(negative)):
        labels[len(positive) + place] = negative[place]


@compiled
def _strike(gone: Ids, labels: Ids, positives: Ids, negatives: Ids) -> None:
    """Remove some labels, ascending, from the positives and negatives of all messages."""
    leaves = np.zeros(gone[-1] + 1, dtype=np.bool_)
    leaves[gone] = True
    for row in range(len(labels)):
        yes, kept, said = positives[row], 0, positives[row] + max(negatives[row], 0)
        for place in range(said):
            label = labels[row, place]
            if label >= len(leaves) or not leaves[label]:
                labels[row, kept] = label
                kept += 1
            elif place < yes:
                positives[row] -= 1
            else:
                negatives[row] -= 1


@compiled
def _store(vectors: Vector, norms: Vector, row: int, x: Vector) -> None:
    """Store a vector in a row; missing values and features beyond its end become 0."""
    norm = 0.0
    for feature in range(len(vectors)):
        value = x[feature] if feature < len(x) else np.float32(0.0)
        vectors[feature, row] = np.float32(0.0) if np.isnan(value) else value
        norm += np.float64(vectors[feature, row]) ** 2
    norms[row] = norm


@compiled
def _nearest(vectors: Vector, norms: Vector, messages: int, x: Vector, rows: Ids, weights: Floats) -> None:
    """Fill in the rows of least distance, nearest first (of equal ones the lower row), and their weights."""
    k, norm = len(rows), 0.0
    for value in x:
        norm += 0.0 if np.isnan(value) else np.float64(value) ** 2
    products, least = np.zeros(messages, dtype=np.float32), np.full(k, np.inf)
    add_products(vectors, x, products)
    for row in range(messages):
        # |a - b|² = |a|² - 2ab + |b|²: products instead of differences.
        square = np.float64(norms[row]) - 2.0 * np.float64(products[row])
        if square >= least[-1]:
            continue
        place = k - 1
        while place > 0 and least[place - 1] > square:
            least[place], rows[place] = least[place - 1], rows[place - 1]
            place -= 1
        least[place], rows[place] = square, row
    total = 0.0
    for place in range(k):
        weights[place] = 1.0 / (math.sqrt(max(least[place] + norm, 0.0)) + 1e-3 * math.sqrt(norm) + 1e-9)
        total += weights[place]
    for place in range(k):
        weights[place] /= total


@compiled
def _sets(rows: Ids, labels: Ids, positives: Ids, sizes: Ids) -> Ids:
    """Return the positives of some rows, concatenated, and fill in how many each has."""
    total = 0
    for place in range(len(rows)):
        sizes[place] = positives[rows[place]]
        total += sizes[place]
    ids, first = np.empty(total, dtype=np.intp), 0
    for place in range(len(rows)):
        for i in range(sizes[place]):
            ids[first + i] = labels[rows[place], i]
        first += sizes[place]
    return ids


@compiled
def _vote(weights: Floats, rows: Ids, labels: Ids, positives: Ids, negatives: Ids, share: Vector) -> None:
    """Fill in the weighted share of rows where each label is positive, among those where it is known."""
    yes, known = np.zeros(len(share)), np.zeros(len(share))
    everything = True
    for place in range(len(rows)):
        row, weight = rows[place], weights[place]
        complete = negatives[row] == COMPLETE
        everything = everything and complete
        for label in labels[row, : positives[row]]:
            yes[label] += weight
        if complete:
            known += weight
        else:
            for label in labels[row, : positives[row] + negatives[row]]:
                known[label] += weight
    for label in range(len(share)):
        if everything:
            share[label] = min(yes[label], 1.0)
        else:
            share[label] = min(yes[label] / known[label], 1.0) if known[label] > 0.0 else 0.0
