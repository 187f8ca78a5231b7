"""Commits in progress: a partition whose broker does not answer delays no other."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from typing import NamedTuple

from stream.config import Settings
from stream.kafka import Offsets, Transaction, in_background

COMMIT_S = 0.2
"""Seconds that a turn waits for the commits that it has begun; after them, other partitions go on."""


class Commit(NamedTuple):
    """One partition's commit.

    Parameters
    ----------
    batch_began, began
        When the batch was polled, and when the commit began; monotonic seconds.
    begun
        The transaction, once it has begun; None if there is nothing to write.
    """

    batch_began: float
    began: float
    begun: Future[Transaction | None]

    def wait(self, until: float) -> bool:
        """Wait until the commit is done or its time is over, at most until then; return whether it is."""
        concurrent.futures.wait([self.begun], until - time.monotonic())
        if not self.begun.done():
            return False
        if self.begun.exception() is not None or (transaction := self.begun.result()) is None:
            return True
        until = min(until, transaction.deadline)
        concurrent.futures.wait([transaction.ended], until - time.monotonic())
        return transaction.ended.done() or time.monotonic() >= transaction.deadline


class Commits:
    """The commits in progress, at most one for each partition.

    A transaction may take seconds to begin, if it is in doubt whether the one before succeeded, and seconds
    to end. The worker waits for a new one briefly, then looks at it in each turn.
    """

    def __init__(self) -> None:
        self._commits: dict[int, Commit] = {}

    def __contains__(self, partition: int) -> bool:
        """Return whether a partition's commit is in progress."""
        return partition in self._commits

    def begin(self, partition: int, call: Callable[[], Transaction | None], batch_began: float) -> None:
        """Begin a transaction, on another thread."""
        now = time.monotonic()
        self._commits[partition] = Commit(batch_began, now, in_background(call, "commit"))

    def drop(self, partition: int) -> None:
        """Forget a partition's commit; it ends by itself."""
        self._commits.pop(partition, None)

    def ended(self, new: Collection[int], until: float) -> Iterator[tuple[int, Commit]]:
        """Remove and yield those that are done; of the new ones, wait for the end until then."""
        for partition, commit in list(self._commits.items()):
            if commit.wait(until if partition in new else 0.0):
                del self._commits[partition]
                yield partition, commit


def committed_offset(settings: Settings, partition: int) -> Callable[[], int | None]:
    """Return a function that asks the broker for the group's offset, as another thread polls the group."""

    def ask() -> int | None:
        with contextlib.closing(Offsets.of(settings)) as offsets:
            return offsets.committed(partition)

    return ask
