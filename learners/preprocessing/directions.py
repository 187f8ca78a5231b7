"""Directions: vectors of length 1, whatever units their features are measured in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from drift.core import Floats, Stateful, Values, Vector, compiled, fields
from learners.preprocessing.scaling import CLIP, StandardScaler, shrinkage, standardise

OUTWEIGH = 10.0
"""Largest root mean square of a feature, in multiples of the median one; larger features are scaled down."""
OFFSET = 10.0
"""Distance of a feature's mean from 0, in standard deviations, beyond which the feature is centred."""
SETTLED = 30.0
"""Values of a feature from which its mean is known well enough to be subtracted."""
MEDIAN_PERIOD = 64
"""Messages between updates of the median, which changes little and is costly; in the beginning fewer."""


class Views(NamedTuple):
    """One vector in the forms that linear models and neighbours use.

    Parameters
    ----------
    direction
        See `Directions`. Shape (d,).
    standard
        Standardised; see `StandardScaler`. Shape (d,).
    scaled
        The standardised vector, shortened; see `shrunk`. Shape (d,).
    """

    direction: Vector
    standard: Vector
    scaled: Vector


class Directions(Stateful):
    """Scales vectors to length 1 such that no single feature dominates.

    The plain direction of a vector suits features of one kind, such as words; beside them, a timestamp or a
    temperature in Kelvin would dominate. So a feature whose root mean square is more than ten times the
    features' median is scaled down to ten times, and one whose mean is more than ten standard deviations from
    0 is centred. Where all features are of one kind, neither happens, and zeros stay zeros.

    Parameters
    ----------
    scaler
        The running moments of the features. The caller that updates it calls `learn` afterwards.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = StandardScaler()
    >>> directions, rng = Directions(scaler), np.random.default_rng(0)
    >>> for n in range(200):
    ...     scaler.learn(np.array([*rng.integers(0, 2, size=3), 290.0 + n % 10], dtype=np.float32))
    ...     directions.learn()
    >>> directions.of(np.array([1.0, 0.0, 1.0, 295.0], dtype=np.float32)).round(2).tolist()
    [0.6700000166893005, 0.0, 0.6700000166893005, 0.33000001311302185]
    """

    state_fields = fields(Values("_messages", "_usual"))

    def __init__(self, scaler: StandardScaler) -> None:
        self._scaler = scaler
        self._messages = 0
        self._usual = 0.0

    def of(self, x: Vector) -> Vector:
        """Return the direction of a vector of shape (d,), missing values as 0; the zero vector stays."""
        direction = np.empty(len(x), dtype=np.float32)
        _direct(x, *self._scaler.moments, self._usual, direction)
        return direction

    def views(self, x: Vector) -> Views:
        """Return the direction of a vector of shape (d,), and what the scaler makes of it."""
        views = Views(*np.empty((3, len(x)), dtype=np.float32))
        _view(*(x, *self._scaler.tables, self._usual, shrinkage(len(x)), *views))
        return views

    def learn(self) -> None:
        """Update the median after the scaler has learned one more vector."""
        self._messages += 1
        is_power_of_two = self._messages & (self._messages - 1) == 0
        if self._messages % MEDIAN_PERIOD == 0 or is_power_of_two:
            sizes = _sizes(*self._scaler.moments)
            self._usual = float(np.median(sizes)) if len(sizes) else 0.0


@compiled
def _offset(count: float, mean: float, variance: float) -> float:
    """Return what is subtracted from a feature: its mean where that is far from 0, else 0."""
    return mean if count >= SETTLED and mean * mean > OFFSET * OFFSET * variance else 0.0


@compiled
def _sizes(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return the mean square of each feature that is not always 0, after centring."""
    sizes, some = np.empty(len(count)), 0
    for i in range(len(count)):
        rest = mean[i] - _offset(count[i], mean[i], variance[i])
        size = variance[i] + rest * rest
        if size > 0.0:
            sizes[some] = size
            some += 1
    return sizes[:some]


@compiled
def _view(
    x: Vector,
    count: Floats,
    mean: Floats,
    variance: Floats,
    shift: Vector,
    inverse: Vector,
    size: int,
    usual: float,
    factor: float,
    direction: Vector,
    standard: Vector,
    scaled: Vector,
) -> None:
    _direct(x, count[:size], mean[:size], variance[:size], usual, direction)
    standardise(x, shift, inverse, size, standard)
    for i in range(len(standard)):
        scaled[i] = standard[i] * np.float32(factor)


@compiled
def _direct(
    x: Vector, count: Floats, mean: Floats, variance: Floats, usual: float, direction: Vector
) -> None:
    most = OUTWEIGH * OUTWEIGH * usual
    values, total = np.empty(len(x)), 0.0
    for i in range(len(x)):
        value = 0.0 if np.isnan(x[i]) else np.float64(x[i])
        if i < len(count):
            offset = _offset(count[i], mean[i], variance[i])
            rest = mean[i] - offset
            size = variance[i] + rest * rest
            if offset != 0.0 and not np.isnan(x[i]):
                widest = CLIP * math.sqrt(variance[i])
                value = min(max(value - offset, -widest), widest)
            if size > most > 0.0:
                value *= math.sqrt(most / size)
        values[i] = value
        total += value * value
    length = math.sqrt(total) if total > 0.0 else 1.0
    for i in range(len(x)):
        direction[i] = values[i] / length
