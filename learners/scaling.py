"""Online standardisation: what a usual value of each feature is, forgotten slowly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.base import State, Vector
from learners.growth import grown
from learners.parameters import check_number

CLIP = 8.0
"""Standard deviations beyond which a standardised value is cut: one wild number must not own a model."""


class StandardScaler:
    """Running mean and variance per feature; missing values (NaN) are skipped and become 0, the mean.

    Parameters
    ----------
    horizon
        Messages over which the moments are averaged once that many have come, at least 1; until then
        all count alike. Too short and the scale chases noise, too long and it misses a drift of p(x).

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
    Welford, "Note on a method for calculating corrected sums of squares and products", 1962.
    """

    def __init__(self, horizon: int = 10_000) -> None:
        check_number(self, "horizon", horizon, int, 1)
        self.horizon = horizon
        self._count = np.zeros(0)
        self._mean = np.zeros(0)
        self._variance = np.zeros(0)
        self._size = 0
        self._shift: Vector = np.zeros(0, dtype=np.float32)
        self._inverse: Vector = np.zeros(0, dtype=np.float32)

    def learn(self, x: Vector) -> None:
        """Take in one vector of shape (d,)."""
        size = len(x)
        if size > self._size:
            self._grow(size)
        count, mean, variance = self._count[:size], self._mean[:size], self._variance[:size]
        np.minimum(count + 1.0, self.horizon, out=count)
        delta = x - mean
        if np.isnan(delta.sum()):
            missing = np.isnan(delta)
            delta[missing] = 0.0
            count[missing] = np.maximum(count[missing] - 1.0, 0.0)
        step = delta / np.maximum(count, 1.0)
        mean += step
        variance += step * (delta - step) - variance / np.maximum(count, 1.0)
        self._shift[:size] = mean
        self._inverse[:size] = inverse_deviation(variance)

    def transform(self, x: Vector) -> Vector:
        """Return the standardised vector, shape (d,); features never learned become 0."""
        size = min(len(x), self._size)
        z = np.zeros(len(x), dtype=np.float32)
        np.subtract(x[:size], self._shift[:size], out=z[:size])
        z[:size] *= self._inverse[:size]
        np.clip(z, -CLIP, CLIP, out=z)
        if np.isnan(z.sum()):
            np.nan_to_num(z, copy=False, nan=0.0)
        return z

    def _grow(self, size: int) -> None:
        self._count = grown(self._count, size)
        self._mean = grown(self._mean, size)
        self._variance = grown(self._variance, size)
        self._shift = grown(self._shift, size)
        self._inverse = grown(self._inverse, size)
        self._size = size

    def state(self) -> State:
        """Return the moments; see `Learner.state`."""
        size = self._size
        return {"count": self._count[:size], "mean": self._mean[:size], "variance": self._variance[:size]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._count, self._mean = np.array(state["count"]), np.array(state["mean"])
        self._variance = np.array(state["variance"])
        self._size = len(self._mean)
        self._shift = self._mean.astype(np.float32)
        self._inverse = inverse_deviation(self._variance)


def inverse_deviation(variance: NDArray[np.float64]) -> Vector:
    """Return one over the standard deviation, shape (d,); 0 for a feature that has never varied."""
    inverse = np.zeros(len(variance), dtype=np.float32)
    np.divide(1.0, np.sqrt(variance), out=inverse, where=variance > 1e-12, casting="unsafe")
    return inverse


def unit(x: Vector) -> Vector:
    """Return a vector of length 1 in the same direction, missing values as 0; the zero vector stays.

    Examples
    --------
    >>> import numpy as np
    >>> unit(np.array([3.0, 4.0, np.nan], dtype=np.float32)).round(1).tolist()
    [0.6000000238418579, 0.800000011920929, 0.0]
    """
    filled = np.nan_to_num(x, nan=0.0)
    length = float(filled @ filled) ** 0.5
    return filled if length == 0.0 else filled / np.float32(length)
