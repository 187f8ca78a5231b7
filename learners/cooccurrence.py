"""How often labels occur, alone and together: sparse, exponentially decayed counts."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from learners.base import State
from learners.parameters import check_number

RESCALE = 1e100
"""Weight of a new message at which all counts are brought down again."""
NEGLIGIBLE = 1e-3
"""Decayed count below which a pair is forgotten."""


class Cooccurrence:
    """Decayed counts of labels and of pairs that did occur: O(k²) a message with k labels, whatever L.

    Old counts are not touched to decay them: instead each message weighs more than the one before, and
    everything is brought down again once in a long while (when also pairs that faded are dropped).

    Parameters
    ----------
    half_life
        Messages after which an occurrence counts half, at least 1.

    Examples
    --------
    >>> counts = Cooccurrence(half_life=1e9)
    >>> for labels in ([0, 1], [0, 1], [0, 2]):
    ...     counts.add(labels)
    >>> round(counts.count(0), 6), round(counts.together(1, 0), 6), round(counts.jaccard(0, 1), 3)
    (3.0, 2.0, 0.667)
    """

    def __init__(self, half_life: float = 20_000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        self._growth = 2.0 ** (1.0 / half_life)
        self._weight = 1.0
        self._total = 0.0
        self._counts: list[float] = []
        self._pairs: list[dict[int, float]] = []
        self._additions = 0
        self._kept = 1024

    def __len__(self) -> int:
        """Return how many labels there are room for."""
        return len(self._counts)

    @property
    def pairs(self) -> int:
        """How many pairs are remembered."""
        return sum(map(len, self._pairs)) // 2

    @property
    def total(self) -> float:
        """Decayed number of messages."""
        return self._total / self._weight

    def add(self, labels: list[int]) -> None:
        """Count one message's labels (ids, each once)."""
        self._weight = weight = self._weight * self._growth
        self._total += weight
        counts, pairs = self._counts, self._pairs
        for label in labels:
            while label >= len(counts):
                counts.append(0.0)
                pairs.append({})
            counts[label] += weight
        for a, b in itertools.combinations(labels, 2):
            near = pairs[a]
            known = near.get(b)
            if known is None:
                near[b] = pairs[b][a] = weight
                self._additions += 1
            else:
                near[b] = pairs[b][a] = known + weight
        if weight > RESCALE or self._additions > self._kept:
            self._rescale()

    def count(self, label: int) -> float:
        """Return the decayed number of messages with a label."""
        return self._counts[label] / self._weight if label < len(self._counts) else 0.0

    def together(self, a: int, b: int) -> float:
        """Return the decayed number of messages with both labels."""
        return self._pairs[a].get(b, 0.0) / self._weight if a < len(self._pairs) else 0.0

    def partners(self, label: int) -> dict[int, float]:
        """Return the labels that a label occurred with, and their decayed counts together."""
        if label >= len(self._pairs):
            return {}
        return {other: weight / self._weight for other, weight in self._pairs[label].items()}

    def jaccard(self, a: int, b: int) -> float:
        """Return messages with both over messages with either."""
        both = self.together(a, b)
        either = self.count(a) + self.count(b) - both
        return both / either if either > 0 else 0.0

    def similarities(self, rows: list[int], columns: list[int]) -> NDArray[np.float64]:
        """Return the Jaccard similarities beyond chance of two groups of labels, shape (rows, columns).

        0 stands for labels that meet no oftener than at random. Frequent labels meet often whatever they
        mean; taking the Jaccard of two independent labels of the same frequencies off (and scaling so that
        1 stays 1) makes dense and sparse labels comparable.
        """
        both = self._together(rows, columns)
        n, m = self.frequencies(rows)[:, None], self.frequencies(columns)
        chance = n * m / max(self.total, 1e-12)
        either, apart = n + m - both, n + m - chance
        observed = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        expected = np.divide(chance, apart, out=np.ones_like(both), where=apart > 0)
        excess = np.maximum(observed - expected, 0.0)
        alike: NDArray[np.float64] = np.divide(excess, 1.0 - expected, out=excess, where=expected < 1.0)
        return alike

    def frequencies(self, labels: list[int]) -> NDArray[np.float64]:
        """Return the decayed number of messages with each of some labels."""
        return np.array([self.count(label) for label in labels])

    def _together(self, rows: list[int], columns: list[int]) -> NDArray[np.float64]:
        none: dict[int, float] = {}
        near = [self._pairs[row] if row < len(self._pairs) else none for row in rows]
        both = np.array([[known.get(column, 0.0) for column in columns] for known in near])
        both /= self._weight
        return both

    def _rescale(self) -> None:
        floor = NEGLIGIBLE * self._weight
        self._pairs = [
            {other: w / self._weight for other, w in near.items() if w > floor} for near in self._pairs
        ]
        self._counts = [count / self._weight for count in self._counts]
        self._total /= self._weight
        self._weight = 1.0
        self._additions = 0
        # The next sweep comes when as many pairs again have appeared: O(1) amortised.
        self._kept = max(1024, self.pairs)

    def state(self) -> State:
        """Return the counts; see `Learner.state`."""
        triples = [
            (a, b, weight)
            for a, near in enumerate(self._pairs)
            for b, weight in sorted(near.items())
            if a < b
        ]
        return {
            "weight": self._weight,
            "total": self._total,
            "additions": self._additions,
            "kept": self._kept,
            "counts": np.array(self._counts),
            "pairs": np.array([triple[:2] for triple in triples], dtype=np.intp).reshape(-1, 2),
            "weights": np.array([triple[2] for triple in triples]),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._weight, self._total = state["weight"], state["total"]
        self._additions, self._kept = state["additions"], state["kept"]
        self._counts = np.array(state["counts"]).tolist()
        self._pairs = [{} for _ in self._counts]
        for (a, b), weight in zip(state["pairs"].tolist(), state["weights"].tolist(), strict=True):
            self._pairs[a][b] = self._pairs[b][a] = weight
