"""Where vectors point, whatever their features are measured in."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Stateful, Values, Vector, compiled, fields
from learners.preprocessing.scaling import CLIP, StandardScaler

OUTWEIGH = 10.0
"""Times the usual size of features that one of them may have; larger ones are brought down to that."""
OFFSET = 10.0
"""Standard deviations that a feature's mean may be away from 0; beyond it, the mean is taken off."""
SETTLED = 30.0
"""Values of a feature before its mean is known well enough for that."""
MEDIAN_PERIOD = 64
"""Messages between looks at the usual size, once as many have come: it hardly changes, and is a median."""


class Directions(Stateful):
    """Vectors of length 1 in which no single feature drowns the others.

    The plain direction of a vector compares what can be compared: words with words. A timestamp, or a
    temperature in Kelvin, beside them would be all there is. So a feature whose root mean square is more
    than ten times the features' median is scaled down to ten times, and one whose mean is more than ten
    standard deviations is centred. Where all features are of a kind, neither happens, and zeros stay zeros.

    Parameters
    ----------
    scaler
        What is known of the features. Whoever teaches it calls `learn` afterwards.

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

    def learn(self) -> None:
        """Take note that the scaler has learned one more vector."""
        self._messages += 1
        is_power_of_two = self._messages & (self._messages - 1) == 0
        if self._messages % MEDIAN_PERIOD == 0 or is_power_of_two:
            sizes = _sizes(*self._scaler.moments)
            self._usual = float(np.median(sizes)) if len(sizes) else 0.0


@compiled
def _offset(count: float, mean: float, variance: float) -> float:
    """Return what is to be taken off a feature."""
    return mean if count >= SETTLED and mean * mean > OFFSET * OFFSET * variance else 0.0


@compiled
def _sizes(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return the mean square of each feature that is not always 0, offsets taken off."""
    sizes, some = np.empty(len(count)), 0
    for i in range(len(count)):
        rest = mean[i] - _offset(count[i], mean[i], variance[i])
        size = variance[i] + rest * rest
        if size > 0.0:
            sizes[some] = size
            some += 1
    return sizes[:some]


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
