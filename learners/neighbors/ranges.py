"""The range of each feature among some messages, and values kept within it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Vector, compiled

LONE = np.float32(1000.0)
"""Ratio to the next largest value, in magnitude, from which the largest one widens no range."""


class Ranges(NamedTuple):
    """Least and largest value of each feature, 0 included. Shapes (d,)."""

    low: Vector
    high: Vector


def ranges(vectors: Vector) -> Ranges:
    """Return the ranges of some vectors, a row a feature and a column a message.

    Where one value alone is more than a thousand times as far from 0 as all others that are not 0, the range
    is that of the others; else one wild value would leave no difference between them.

    Examples
    --------
    >>> ranges(np.array([[3.0, 1e30, -2.0], [0.0, 0.0, 1e30]], dtype=np.float32)).high
    array([3.e+00, 1.e+30], dtype=float32)
    """
    found = Ranges(vectors.min(axis=1, initial=0.0), vectors.max(axis=1, initial=0.0))
    _leave_out_lone(vectors, np.maximum(-found.low, found.high), *found)
    return found


@compiled
def _leave_out_lone(vectors: Vector, largest: Vector, low: Vector, high: Vector) -> None:
    for feature in range(len(vectors)):
        bound, alike = largest[feature] / LONE, np.int32(0)
        for value in vectors[feature]:
            alike += np.int32(abs(value) > bound)
        if alike != 1:
            continue
        least = most = np.float32(0.0)
        for value in vectors[feature]:
            if abs(value) < largest[feature]:
                least, most = min(least, value), max(most, value)
        if least < most:
            low[feature], high[feature] = least, most


@compiled
def within(value: np.float32, low: np.float32, high: np.float32) -> float:
    """Return a value, or the nearer end of a range that it is not in, in double precision."""
    value = value if value > low else low
    return np.float64(value if value < high else high)
