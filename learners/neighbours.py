"""Nearest neighbours on label-sets over a window of recent messages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.base import Learner, Prediction, State, Vector, filled
from learners.compiled import compiled
from learners.growth import grown
from learners.labels import Ids, Targets
from learners.parameters import check_number


class Neighbours(NamedTuple):
    """The messages of the window that are near a vector, nearest first.

    Parameters
    ----------
    weights
        Share of the vote of each, summing to 1. Shape (k,).
    ids, sizes
        Their label-sets one after the other, shape (sum of sizes,), and how long each is, shape (k,).
    targets
        What each said of its labels.
    """

    weights: NDArray[np.float64]
    ids: Ids
    sizes: Ids
    targets: list[Targets]


NOBODY = Neighbours(np.zeros(0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), [])


class NearestNeighbours(Learner):
    """The label-sets of the k nearest recent messages vote, the nearer the louder.

    Neighbours bring whole label-sets, so what they propose is a combination of labels that did occur.

    Parameters
    ----------
    k
        Neighbours that vote, at least 1. One is noisy; too many drown rare labels.
    window
        Messages remembered, at least `k`; memory and time grow with it, forgetting is faster without.

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

    def __init__(self, k: int = 10, window: int = 1000) -> None:
        check_number(self, "k", k, int, 1)
        check_number(self, "window", window, int, k)
        self.k = k
        self.window = window
        super().__init__()
        self._vectors: Vector = np.zeros((0, 0), dtype=np.float32)
        self._norms: Vector = np.zeros(window, dtype=np.float32)
        self._targets: list[Targets] = []

    def nearest(self, x: Vector) -> Neighbours:
        """Return the neighbours of a vector of shape (d,)."""
        have = len(self._targets)
        if not have:
            return NOBODY
        query = self._query(x)
        # |a - b|² = |a|² - 2ab + |b|²: one matrix product instead of a difference per row.
        products = self._vectors[:have] @ query
        rows, weights = _nearest(products, self._norms, float(query @ query), min(self.k, have))
        targets = [self._targets[row] for row in rows.tolist()]
        sets = [target.positive for target in targets]
        return Neighbours(weights, np.concatenate(sets), np.array([len(labels) for labels in sets]), targets)

    def _query(self, x: Vector) -> Vector:
        query = x
        if len(x) != self._vectors.shape[1]:
            query = np.zeros(self._vectors.shape[1], dtype=np.float32)
            query[: len(x)] = x[: len(query)]
        return filled(query)

    def vote(self, neighbours: Neighbours) -> Vector:
        """Return the weighted share of neighbours that carry each label, of those that know; shape (L,)."""
        size = len(self.label_space)
        votes = np.repeat(neighbours.weights, neighbours.sizes)
        share = np.bincount(neighbours.ids, weights=votes, minlength=size)
        if not all(targets.complete for targets in neighbours.targets):
            known = np.zeros(size)
            for weight, targets in zip(neighbours.weights, neighbours.targets, strict=True):
                known += weight * targets.known(size)
            share = np.divide(share, known, out=np.zeros(size), where=known > 0)
        return np.minimum(share, 1.0).astype(np.float32)

    def score(self, x: Vector) -> Vector:
        """Return each label's share of the vote, shape (L,)."""
        return self.vote(self.nearest(x))

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set with the loudest vote; of equals the nearest."""
        neighbours = self.nearest(x)
        return Prediction(loudest(neighbours), self.vote(neighbours))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Remember one message in place of the oldest."""
        row = self._messages % self.window
        self._count(x)
        rows = min(self._messages, self.window)
        self._vectors = grown(self._vectors, max(rows, min(self.window, 16)), len(x))[: self.window]
        stored = filled(x)
        self._vectors[row] = 0.0
        self._vectors[row, : len(x)] = stored
        self._norms[row] = stored @ stored
        if row < len(self._targets):
            self._targets[row] = targets
        else:
            self._targets.append(targets)

    def state(self) -> State:
        """See `Learner.state`."""
        rows = len(self._targets)
        return super().state() | {
            "vectors": self._vectors[:rows],
            "norms": self._norms[:rows],
            "positive": _ragged([targets.positive for targets in self._targets]),
            "negative": _ragged([_or_empty(targets.negative) for targets in self._targets]),
            "complete": np.array([targets.complete for targets in self._targets], dtype=np.bool_),
        }

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        rows = len(state["norms"])
        self._vectors = np.array(state["vectors"])
        self._norms = np.zeros(self.window, dtype=np.float32)
        self._norms[:rows] = state["norms"]
        self._targets = [
            Targets(positive, None if complete else negative)
            for positive, negative, complete in zip(
                _rows(state["positive"]), _rows(state["negative"]), state["complete"].tolist(), strict=True
            )
        ]


def loudest(neighbours: Neighbours) -> Ids:
    """Return the label-set with the largest summed weight; of equals the one met first."""
    votes: dict[bytes, float] = {}
    for weight, targets in zip(neighbours.weights.tolist(), neighbours.targets, strict=True):
        key = targets.positive.tobytes()
        votes[key] = votes.get(key, 0.0) + weight
    return np.frombuffer(max(votes, key=lambda key: votes[key], default=b""), dtype=np.intp)


def _or_empty(ids: Ids | None) -> Ids:
    return np.zeros(0, dtype=np.intp) if ids is None else ids


def _ragged(rows: list[Ids]) -> dict[str, NDArray[np.intp]]:
    ends = np.cumsum([len(row) for row in rows], dtype=np.intp)
    return {"ids": np.concatenate([*rows, np.zeros(0, dtype=np.intp)]), "ends": ends}


def _rows(ragged: dict[str, NDArray[np.intp]]) -> list[Ids]:
    return np.split(ragged["ids"], ragged["ends"][:-1]) if len(ragged["ends"]) else []


@compiled
def _nearest(
    products: Vector, norms: Vector, norm: float, k: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the k rows of least distance, nearest first and the earlier row first, and their weights."""
    rows, least = np.zeros(k, dtype=np.intp), np.full(k, np.inf)
    for row in range(len(products)):
        square = norms[row] - 2.0 * products[row]
        if square >= least[-1]:
            continue
        place = k - 1
        while place > 0 and least[place - 1] > square:
            least[place], rows[place] = least[place - 1], rows[place - 1]
            place -= 1
        least[place], rows[place] = square, row
    weights = 1.0 / (np.sqrt(np.maximum(least + norm, 0.0)) + 1e-3 * np.sqrt(norm) + 1e-9)
    return rows, weights / weights.sum()
