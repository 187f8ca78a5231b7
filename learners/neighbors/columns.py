"""Vectors of a window, and the search for the nearest, which reads a quarter of the memory that they take.

A search that reads all vectors, for each message, empties the processor's caches of everything else that the
message needs. So each vector also has a copy of one byte a feature, and a bound on what that copy leaves out:
the search reads the copies, and the vectors only of the few messages that may be among the nearest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Floats, Ids, State, Vector, compiled, grown
from learners.core import LARGEST, given

PENDING = 16
"""Vectors that are copied into columns at once: a column by itself touches a cache line for each feature."""
LARGEST_CODE = np.float32(127.0)
"""Code of the largest value of a vector; the others have proportionate ones."""
ROUNDING = 2.0**-24
"""Relative error of one operation in single precision."""
TINIEST = 2.0**-149
"""Smallest number of single precision: the error of a product too small for a relative one."""
Codes = NDArray[np.int8]


class Columns:
    """Vectors of a window, each in a row, their codes in columns, and the search for the nearest.

    The last few are not in columns until there are enough to be copied together; searches find the same with
    and without.

    Parameters
    ----------
    capacity
        Number of vectors.
    """

    def __init__(self, capacity: int) -> None:
        self._vectors: Vector = np.zeros((capacity, 0), dtype=np.float32)
        self._norms: Vector = np.zeros(capacity, dtype=np.float32)
        # A code times its vector's scale is nearly the value; products differ by at most length times slack.
        self._codes: Codes = np.zeros((0, capacity), dtype=np.int8)
        self._scales: Floats = np.zeros(capacity)
        self._slacks: Floats = np.zeros(capacity)
        self._places: Ids = np.zeros(PENDING, dtype=np.intp)
        self._pending = 0

    def put(self, place: int, x: Vector) -> None:
        """Store a vector of shape (d,) in place of another; missing values become 0."""
        if len(x) > self._vectors.shape[1]:
            self._vectors = grown(self._vectors, len(self._norms), len(x))
        _store(x, place, self._vectors, self._norms, self._places, self._pending)
        self._pending += 1
        if self._pending == PENDING:
            self._encode(self._places)
            self._pending = 0

    def nearest(self, x: Vector, k: int, used: int) -> tuple[Ids, Floats]:
        """Return the places, of the first `used`, of the k vectors nearest to x, and their weights.

        Nearest first, of equal ones the lower place; weights are inverse distances that sum to 1.
        """
        rows, weights = np.empty(k, dtype=np.intp), np.empty(k)
        nearest(*(*self.tables, x, used, rows, weights))
        return rows, weights

    @property
    def tables(self) -> tuple[Any, ...]:
        """What `nearest` searches."""
        codes = self._codes, self._scales, self._slacks
        return self._vectors, self._norms, *codes, self._places, self._pending

    def _encode(self, places: Ids) -> None:
        self._codes = grown(self._codes, self._vectors.shape[1])
        _encode(self._vectors, places, self._codes, self._scales, self._slacks)

    def state(self, used: int, features: int) -> State:
        """Return the first `used` vectors, in rows."""
        self._vectors = grown(self._vectors, len(self._norms), features)
        return {"vectors": self._vectors[:used, :features], "norms": self._norms[:used]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        used, features = state["vectors"].shape
        self._norms = np.zeros_like(self._norms)
        self._vectors = np.zeros((len(self._norms), features), dtype=np.float32)
        self._codes = np.zeros((features, len(self._norms)), dtype=np.int8)
        self._vectors[:used] = state["vectors"]
        self._norms[:used] = state["norms"]
        self._encode(np.arange(used))
        self._pending = 0


@compiled
def _store(x: Vector, place: int, vectors: Vector, norms: Vector, places: Ids, pending: int) -> None:
    """Fill in a row and its squared length; missing values and features beyond x's end become 0."""
    row, norm = vectors[place], 0.0
    for feature in range(len(row)):
        row[feature] = _bounded(x[feature]) if feature < len(x) else np.float32(0.0)
        norm += np.float64(row[feature]) ** 2
    norms[place] = norm
    places[pending] = place


@compiled
def _bounded(value: np.float32) -> np.float32:
    """Return a value within `LARGEST`, and 0 for a missing one."""
    return np.float32(0.0) if np.isnan(value) else min(max(value, -LARGEST), LARGEST)


@compiled
def _encode(vectors: Vector, places: Ids, codes: Codes, scales: Floats, slacks: Floats) -> None:
    """Fill in the codes of the vectors in some places, their scales, and how much they leave out."""
    size = vectors.shape[1]
    found, rests = np.zeros((len(places), size), dtype=np.int8), np.empty(size)
    for n in range(len(places)):
        row, own = vectors[places[n]], found[n]
        step = _largest(row) / LARGEST_CODE
        unit = step if step > 0.0 else np.float32(1.0)
        for i in range(size):
            code = min(max(np.rint(row[i] / unit), -LARGEST_CODE), LARGEST_CODE)
            own[i] = np.int8(code)
            rests[i] = np.float64(row[i]) - np.float64(step) * np.float64(code)
        # What the codes leave out, by Cauchy and Schwarz, and what rounding does to both sums of products.
        rest, rounding = _length(rests), size * ROUNDING
        scales[places[n]] = step
        slacks[places[n]] = 1.01 * (rest + rounding * (2.0 * _length(row) + rest))
    for i in range(size):
        for n in range(len(places)):
            codes[i, places[n]] = found[n, i]


@compiled
def _largest(row: Vector) -> np.float32:
    """Return the largest absolute value, found in four parts that do not wait for each other."""
    a = b = c = d = np.float32(0.0)
    fours = len(row) - len(row) % 4
    for i in range(0, fours, 4):
        a, b = max(a, abs(row[i])), max(b, abs(row[i + 1]))
        c, d = max(c, abs(row[i + 2])), max(d, abs(row[i + 3]))
    for i in range(fours, len(row)):
        a = max(a, abs(row[i]))
    return max(max(a, b), max(c, d))


@compiled
def _length(row: NDArray[Any]) -> float:
    """Return the Euclidean norm, summed in four parts as well."""
    a = b = c = d = 0.0
    fours = len(row) - len(row) % 4
    for i in range(0, fours, 4):
        a, b = a + np.float64(row[i]) ** 2, b + np.float64(row[i + 1]) ** 2
        c, d = c + np.float64(row[i + 2]) ** 2, d + np.float64(row[i + 3]) ** 2
    for i in range(fours, len(row)):
        a += np.float64(row[i]) ** 2
    return math.sqrt((a + b) + (c + d))


@compiled
def nearest(
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
) -> None:
    """Fill in the rows of least distance, nearest first (of equal ones the lower row), and their weights."""
    k, norm, given_x = len(rows), 0.0, x
    rows[:] = 0
    x = np.empty(len(given_x), dtype=np.float32)
    for feature in range(len(x)):
        x[feature] = _bounded(given_x[feature])
        norm += np.float64(x[feature]) ** 2
    features, size = given(x, vectors.shape[1])
    features = features[:size]
    recent = places[:pending]
    some = _possible(norms, codes, scales, slacks, recent, x, features, math.sqrt(norm), used, k)
    products, least = _products(vectors, some, x, features), np.full(k, np.inf)
    for n in range(len(some)):
        # |a - b|² = |a|² - 2ab + |b|²: products instead of differences.
        square = np.float64(norms[some[n]]) - 2.0 * np.float64(products[n])
        if square >= least[-1]:
            continue
        _insert(square, some[n], least, rows)
    total = 0.0
    for place in range(k):
        weights[place] = 1.0 / (math.sqrt(max(least[place] + norm, 0.0)) + 1e-3 * math.sqrt(norm) + 1e-9)
        total += weights[place]
    for place in range(k):
        weights[place] /= total


@compiled
def _possible(
    norms: Vector,
    codes: Codes,
    scales: Floats,
    slacks: Floats,
    pending: Ids,
    x: Vector,
    features: Ids,
    length: float,
    used: int,
    k: int,
) -> Ids:
    """Return the rows, ascending, that may be among the k nearest: the others are surely farther than k."""
    sums = np.zeros(used, dtype=np.float32)
    _add_code_products(codes, x, features[: np.searchsorted(features, len(codes))], sums)
    nearer, farther, rounding = np.empty(used), np.empty(used), len(features) * TINIEST
    for row in range(used):
        square = np.float64(norms[row]) - 2.0 * scales[row] * np.float64(sums[row])
        reach = 2.0 * (length * slacks[row] + rounding)
        nearer[row], farther[row] = square - reach, square + reach
    for row in pending:
        nearer[row], farther[row] = -np.inf, np.inf
    farthest, rows = np.full(k, np.inf), np.empty(k, dtype=np.intp)
    for row in range(used):
        if farther[row] < farthest[-1]:
            _insert(farther[row], row, farthest, rows)
    some, size = np.empty(used, dtype=np.intp), 0
    for row in range(used):
        # Also where it is no number: then nothing is known of it.
        if not nearer[row] > farthest[-1]:
            some[size] = row
            size += 1
    return some[:size]


@compiled
def _add_code_products(codes: Codes, x: Vector, features: Ids, sums: Vector) -> None:
    """Add the products of x with all vectors' codes; see `add_products`."""
    fours = len(features) - len(features) % 4
    for n in range(0, fours, 4):
        i, j, k, m = features[n], features[n + 1], features[n + 2], features[n + 3]
        a, b, c, d = x[i], x[j], x[k], x[m]
        for row in range(len(sums)):
            total = sums[row] + a * np.float32(codes[i, row])
            total += b * np.float32(codes[j, row])
            total += c * np.float32(codes[k, row])
            sums[row] = total + d * np.float32(codes[m, row])
    for n in range(fours, len(features)):
        i = features[n]
        for row in range(len(sums)):
            sums[row] += x[i] * np.float32(codes[i, row])


@compiled
def _products(vectors: Vector, rows: Ids, x: Vector, features: Ids) -> Vector:
    """Return the products of x with some vectors, summed as `add_products` does."""
    products = np.zeros(len(rows), dtype=np.float32)
    # Four rows at a time: each sum waits for its own last addition only.
    for n in range(0, len(rows), 4):
        last = len(rows) - 1
        i, j, k, m = rows[n], rows[min(n + 1, last)], rows[min(n + 2, last)], rows[min(n + 3, last)]
        a = b = c = d = np.float32(0.0)
        for feature in features:
            value = x[feature]
            a += value * vectors[i, feature]
            b += value * vectors[j, feature]
            c += value * vectors[k, feature]
            d += value * vectors[m, feature]
        products[min(n + 3, last)], products[min(n + 2, last)], products[min(n + 1, last)] = d, c, b
        products[n] = a
    return products


@compiled
def _insert(square: float, row: int, ascending: Floats, rows: Ids) -> None:
    """Insert a square that is below the last one, after equal ones, and its row; the last one leaves."""
    place = len(ascending) - 1
    while place > 0 and ascending[place - 1] > square:
        ascending[place], rows[place] = ascending[place - 1], rows[place - 1]
        place -= 1
    ascending[place], rows[place] = square, row
