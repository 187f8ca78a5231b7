"""Online standardisation: running mean and variance of each feature, with slow forgetting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drift.core import Arrays, Floats, Stateful, Vector, check_number, compiled, fields, grown

CLIP = 8.0
"""Standardised values are clipped to this many standard deviations, so that no outlier dominates a model."""

RESOLUTION = 1e-7
"""Relative precision of float32; a feature that varies less counts as constant."""
SMALLEST = 1e-74
"""Smallest variance whose inverse root is finite in float32."""
FREE = 5.0
"""Values of a feature that always count in full: fewer do not determine its spread."""
FAR = 8.0
"""Distance from the mean, in standard deviations, up to which a value always counts in full."""
LONE = 1000.0
"""Ratio to a later value from which one that alone stands out among all so far counts as an error."""
SPREAD = 3.0
"""Typical length of a vector that `shrunk` returns."""


class StandardScaler(Stateful):
    """Running mean and variance per feature; missing values (NaN) are skipped and become 0, the mean.

    One value has bounded influence: beyond 8 standard deviations, and beyond what would more than double the
    variance, it counts as if it lay on that bound, which follows a change of scale in the data. The first 5
    values of a feature, and the first that differs from a constant, count in full; but where one value stands
    out among all so far, and the next that is not 0 is less than a thousandth of it, that takes its place.

    Parameters
    ----------
    horizon
        Messages over which the moments are averaged once that many have come, at least 1; until then all
        count alike. If too short, the scale follows noise; if too long, it follows a drift of p(x) late.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = StandardScaler()
    >>> for value in (1.0, 3.0):
    ...     scaler.learn(np.array([value], dtype=np.float32))
    >>> scaler.transform(np.array([3.0], dtype=np.float32))
    array([1.], dtype=float32)

    References
    ----------
    Welford, "Note on a method for calculating corrected sums of squares and products", 1962. The bound is
    Huber's, "Robust estimation of a location parameter", 1964.
    """

    state_fields = fields(Arrays("_mean", "_count", "_variance", "_shift", "_inverse", cut="_size"))

    def __init__(self, horizon: int = 10_000) -> None:
        check_number(self, "horizon", horizon, int, 1)
        self.horizon = horizon
        self._count = np.zeros(0)
        self._mean = np.zeros(0)
        self._variance = np.zeros(0)
        self._size = 0
        self._shift: Vector = np.zeros(0, dtype=np.float32)
        self._inverse: Vector = np.zeros(0, dtype=np.float32)

    @property
    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Count (at most the horizon), mean and variance of each feature, shapes (d,); live views."""
        size = self._size
        return self._count[:size], self._mean[:size], self._variance[:size]

    @property
    def tables(self) -> tuple[Any, ...]:
        """The moments, shift and inverse spread, with spare places, and how many features there are."""
        return self._count, self._mean, self._variance, self._shift, self._inverse, self._size

    def learn(self, x: Vector) -> None:
        """Update the moments with one vector of shape (d,)."""
        size = len(x)
        if size > self._size:
            self._grow(size)
        moments = (self._count, self._mean, self._variance)
        _learn(x, *moments, self._shift, self._inverse, float(self.horizon))

    def transform(self, x: Vector) -> Vector:
        """Return the standardised vector, shape (d,); features never learned become 0."""
        z = np.empty(len(x), dtype=np.float32)
        standardise(x, self._shift, self._inverse, self._size, z)
        return z

    def bounded(self, x: Vector) -> Vector:
        """Return a vector with each value as far from the mean as it would count if it were learned."""
        result = x.copy()
        _bound(*self.moments, float(self.horizon), result[: self._size])
        return result

    def corrects(self, x: Vector) -> bool:
        """Return whether some value of a vector takes the place of one that stands out among those so far."""
        return _corrects(x[: self._size], *self.moments)

    def _grow(self, size: int) -> None:
        self._count = grown(self._count, size)
        self._mean = grown(self._mean, size)
        self._variance = grown(self._variance, size)
        self._shift = grown(self._shift, size)
        self._inverse = grown(self._inverse, size)
        self._size = size


@compiled
def _learn(
    x: Vector,
    count: Floats,
    mean: Floats,
    variance: Floats,
    shift: Vector,
    inverse: Vector,
    horizon: float,
) -> None:
    for i in range(len(x)):
        if is_lone(np.float64(x[i]), count[i], mean[i], variance[i]):
            count[i], mean[i], variance[i] = count[i] - 1.0, 0.0, 0.0
    # Without a jump, and apart from the third loop, this is vectorised.
    for i in range(len(x)):
        value, old = np.float64(x[i]), variance[i]
        seen, delta = min(count[i] + 1.0, horizon), value - mean[i]
        bound = reach(seen, old)
        delta = min(max(delta, -bound), bound)
        step, known = delta / seen, not np.isnan(value)
        count[i] = seen if known else count[i]
        mean[i] = mean[i] + step if known else mean[i]
        variance[i] = old + (step * (delta - step) - old / seen) if known else old
    for i in range(len(x)):
        shift[i] = mean[i]
        # A feature that varies less than float32 resolves carries no information: it becomes 0.
        resolvable = max(RESOLUTION * RESOLUTION * mean[i] * mean[i], SMALLEST)
        inverse[i] = 1.0 / np.sqrt(variance[i]) if variance[i] > resolvable else 0.0


@compiled
def reach(seen: float, variance: float) -> float:
    """Return how far from the mean the last of so many values counts in full; infinite for the first ones."""
    # A value that occurred once among n others lies about sqrt(n) deviations off and is no outlier.
    return np.sqrt(max(FAR * FAR, seen) * variance) if seen > FREE and variance > 0.0 else np.inf


@compiled
def is_lone(value: float, count: float, mean: float, variance: float) -> bool:
    """Return whether moments are those of one value among nearly zeros, beside which a new value vanishes.

    They are where the variance is the squared mean times the number of the others.
    """
    square = mean * mean
    apart = abs(variance - (count - 1.0) * square)
    return 0.0 < LONE * abs(value) < count * abs(mean) and apart * LONE <= count * square


@compiled
def _corrects(x: Vector, count: Floats, mean: Floats, variance: Floats) -> bool:
    found = False
    for i in range(len(x)):
        found |= is_lone(np.float64(x[i]), count[i], mean[i], variance[i])
    return found


@compiled
def _bound(count: Floats, mean: Floats, variance: Floats, horizon: float, x: Vector) -> None:
    for i in range(len(x)):
        bound = reach(min(count[i] + 1.0, horizon), variance[i])
        if abs(x[i] - mean[i]) > bound:
            x[i] = min(max(x[i], mean[i] - bound), mean[i] + bound)


@compiled
def standardise(x: Vector, shift: Vector, inverse: Vector, size: int, z: Vector) -> None:
    """Fill in the standardised vector; for compiled code."""
    known = min(len(x), size)
    for i in range(known):
        value = (x[i] - shift[i]) * inverse[i]
        z[i] = 0.0 if np.isnan(value) else min(max(value, -CLIP), CLIP)
    z[known:] = 0.0


def shrunk(standard: Vector) -> Vector:
    """Return a standardised vector for linear experts, scaled so that its length does not grow with d.

    Examples
    --------
    >>> import numpy as np
    >>> shrunk(np.array([1.0, -1.0, 1.0, 1.0], dtype=np.float32)).tolist()
    [1.5, -1.5, 1.5, 1.5]
    """
    return standard * np.float32(shrinkage(len(standard)))


def shrinkage(size: int) -> float:
    """Return the factor of `shrunk` for vectors of a length."""
    return float(SPREAD / max(1, size) ** 0.5)


def unit(x: Vector) -> Vector:
    """Return a vector of length 1 in the same direction, missing values as 0; the zero vector stays.

    Examples
    --------
    >>> import numpy as np
    >>> unit(np.array([3.0, 4.0, np.nan], dtype=np.float32)).round(1).tolist()
    [0.6000000238418579, 0.800000011920929, 0.0]
    """
    result = np.empty(len(x), dtype=np.float32)
    set_unit(x, result)
    return result


@compiled
def set_unit(x: Vector, result: Vector) -> None:
    """Set `result` to what `unit` returns; for compiled code."""
    # In double precision, because the square of a large float32 value overflows float32.
    total = 0.0
    for value in x:
        total += 0.0 if np.isnan(value) else np.float64(value) * np.float64(value)
    length = math.sqrt(total) if total > 0.0 else 1.0
    for i in range(len(x)):
        result[i] = 0.0 if np.isnan(x[i]) else np.float64(x[i]) / length
