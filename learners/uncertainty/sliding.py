"""The latest values of a quantity in sorted order, for recent quantiles and shares."""

from __future__ import annotations

import collections
import math
from bisect import bisect_left, insort

import numpy as np

from drift.core import Lists, State, Stateful, fields


class Sliding(Stateful):
    """The latest values of a quantity; adding one costs a binary search, a quantile O(1).

    Parameters
    ----------
    window
        Values kept, at least 1.

    Examples
    --------
    >>> last = Sliding(window=4)
    >>> for value in (9.0, 1.0, 2.0, 3.0, 4.0):
    ...     last.add(value)
    >>> last.reached_by(0.75), last.share(3.0)
    (2.0, 0.5)
    """

    state_fields = fields(Lists("_order", dtype=np.float64, key="values"))

    def __init__(self, window: int) -> None:
        self._order: collections.deque[float] = collections.deque(maxlen=window)
        self._sorted: list[float] = []

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._order)

    def add(self, value: float) -> None:
        """Add one value in place of the oldest."""
        if len(self._order) == self._order.maxlen:
            del self._sorted[bisect_left(self._sorted, self._order[0])]
        self._order.append(value)
        insort(self._sorted, value)

    def reached_by(self, share: float) -> float:
        """Return the largest kept value that at least a share, in (0, 1], of the kept ones reach."""
        return self._sorted[len(self._sorted) - max(1, math.ceil(share * len(self._sorted)))]

    def share(self, least: float) -> float:
        """Return the share of the kept values that reach some value; 0 where none is kept."""
        if not self._sorted:
            return 0.0
        return 1.0 - bisect_left(self._sorted, least) / len(self._sorted)

    def load_state(self, state: State) -> None:
        """Load what `state` returned; a shorter window keeps the latest values."""
        super().load_state(state)
        self._sorted = sorted(self._order)
