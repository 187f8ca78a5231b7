"""What is kept of the lessons that another worker writes; the rest needs a log, and is tested with it."""

from __future__ import annotations

from collections import deque

from stream.pipeline import Outcome
from stream.worker.follower import KEPT, Follower


def test_outcomes_that_nobody_writes_are_not_kept_without_end() -> None:
    """The latest stay, and what is live begins behind the last that was forgotten."""
    follower = object.__new__(Follower)
    follower.live_from = 0
    follower.kept = deque((2 * n, Outcome([], 2 * n + 1)) for n in range(KEPT + 3))
    follower.forget()
    assert len(follower.kept) == KEPT
    assert follower.kept[0][0] == 6
    assert follower.live_from == 5
    follower.forget()
    assert (len(follower.kept), follower.live_from) == (KEPT, 5)
