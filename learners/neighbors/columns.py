"""Vectors in columns, for the products of one with all: features that are 0 in it cost nothing."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, State, Vector, compiled, grown
from learners.core import add_products

PENDING = 16
"""Vectors that are moved into columns at once: a column by itself touches a cache line for each feature."""


class Columns:
    """Vectors of a window, each in a column, and the search for the nearest.

    The last few are kept as rows until there are enough to be moved into columns together; searches find
    the same in either place.

    Parameters
    ----------
    capacity
        Number of columns.
    """

    def __init__(self, capacity: int) -> None:
        self._vectors: Vector = np.zeros((0, capacity), dtype=np.float32)
        self._norms: Vector = np.zeros(capacity, dtype=np.float32)
        self._recent: Vector = np.zeros((PENDING, 0), dtype=np.float32)
        self._places: Ids = np.zeros(PENDING, dtype=np.intp)
        self._pending = 0

    def put(self, place: int, x: Vector) -> None:
        """Store a vector of shape (d,) in place of another; missing values become 0."""
        self._recent = grown(self._recent, PENDING, len(x))
        self._places[self._pending] = place
        self._norms[place] = _store(x, self._recent[self._pending])
        self._pending += 1
        if self._pending == PENDING:
            self._move()

    def nearest(self, x: Vector, k: int, used: int) -> tuple[Ids, Floats]:
        """Return the columns, of the first `used`, of the k vectors nearest to x, and their weights.

        Nearest first, of equal ones the lower column; weights are inverse distances that sum to 1.
        """
        rows, weights = np.zeros(k, dtype=np.intp), np.empty(k)
        places = self._places[: self._pending]
        _nearest(self._vectors, self._norms, self._recent, places, x, used, rows, weights)
        return rows, weights

    def _move(self) -> None:
        self._vectors = grown(self._vectors, self._recent.shape[1])
        _move(self._recent, self._places[: self._pending], self._vectors)
        self._pending = 0

    def state(self, used: int, features: int) -> State:
        """Return the first `used` vectors, in rows."""
        self._vectors = grown(self._vectors, features)
        self._move()
        return {"vectors": self._vectors[:features, :used].T, "norms": self._norms[:used]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        used, features = state["vectors"].shape
        self._norms = np.zeros_like(self._norms)
        self._vectors = np.zeros((features, len(self._norms)), dtype=np.float32)
        self._vectors[:, :used] = state["vectors"].T
        self._norms[:used] = state["norms"]
        self._pending = 0


@compiled
def _store(x: Vector, row: Vector) -> float:
    """Fill in a row and return its squared length; missing values and features beyond x's end become 0."""
    norm = 0.0
    for feature in range(len(row)):
        value = x[feature] if feature < len(x) else np.float32(0.0)
        row[feature] = np.float32(0.0) if np.isnan(value) else value
        norm += np.float64(row[feature]) ** 2
    return norm


@compiled
def _move(recent: Vector, places: Ids, vectors: Vector) -> None:
    for feature in range(len(vectors)):
        for n in range(len(places)):
            vectors[feature, places[n]] = recent[n, feature] if feature < recent.shape[1] else 0.0


@compiled
def _product(row: Vector, x: Vector) -> np.float32:
    """Return the product, summed as `add_products` does."""
    total = np.float32(0.0)
    for feature in range(min(len(row), len(x))):
        if x[feature] != 0.0 and not np.isnan(x[feature]):
            total += x[feature] * row[feature]
    return total


@compiled
def _nearest(
    vectors: Vector,
    norms: Vector,
    recent: Vector,
    recent_rows: Ids,
    x: Vector,
    messages: int,
    rows: Ids,
    weights: Floats,
) -> None:
    """Fill in the rows of least distance, nearest first (of equal ones the lower row), and their weights."""
    k, norm = len(rows), 0.0
    for value in x:
        norm += 0.0 if np.isnan(value) else np.float64(value) ** 2
    products, least = np.zeros(messages, dtype=np.float32), np.full(k, np.inf)
    add_products(vectors, x, products)
    for place in range(len(recent_rows)):
        products[recent_rows[place]] = _product(recent[place], x)
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
