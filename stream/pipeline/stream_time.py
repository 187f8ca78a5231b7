"""A stream's own time, taken from its records' time stamps, some of which may be wrong."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence

TIME_STAMPS = 9
"""The time is the median of the last so many time stamps, and unknown before there are as many."""
DOUBTED = 2
"""A leap beyond the horizon is believed where all of these time stamps but so many say it."""


class StreamTime:
    """Time that follows the median of the last time stamps, and does not go back for stamps out of order.

    A leap beyond the horizon makes all that is kept too old, so two thirds of wrong clocks do not suffice for
    it. Time that is ahead by more than the horizon was wrong, or the stream is of the past again: until it
    came true nothing would grow old, so it goes back.

    Attributes
    ----------
    now
        The time; infinite while it is unknown, so that the first known one goes back too.

    Examples
    --------
    >>> clock = StreamTime()
    >>> [clock.advance(ts, 100.0) for ts in (4e9, 1, 2, 3, 4, 5, 6, 7, 8, 4e9)], clock.now
    ([False, False, False, False, False, False, False, False, True, False], 5)
    """

    def __init__(self, stamps: Sequence[float] = (), now: float | None = None) -> None:
        self._stamps = collections.deque(stamps, maxlen=TIME_STAMPS)
        self.now = math.inf if now is None else now

    @property
    def known(self) -> bool:
        """Whether there were enough time stamps."""
        return self.now < math.inf

    def advance(self, seconds: float, horizon: float) -> bool:
        """Take in a time stamp, and return whether time went back."""
        self._stamps.append(seconds)
        if len(self._stamps) < TIME_STAMPS:
            return False
        ascending = sorted(self._stamps)
        median = ascending[TIME_STAMPS // 2]
        if self.now - median > horizon:
            self.now = median
            return True
        self.now = max(self.now, median if median - self.now <= horizon else ascending[DOUBTED])
        return False

    def state(self) -> tuple[list[float], float | None]:
        """Return what to make it of again."""
        return list(self._stamps), self.now if self.known else None
