"""Commits in progress: a partition whose broker does not answer delays no other."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future

from stream.config import Settings
from stream.kafka import Offsets, Transaction, in_background


class Commit:
    """One partition's commit, begun on another thread.

    Parameters
    ----------
    call
        Begins the transaction; returns None if there is nothing to write.
    batch_began
        When the batch was polled; monotonic seconds.

    Attributes
    ----------
    began, ended
        When the commit began, and when the transaction ended: None until then, or if there is none.
    """

    def __init__(self, call: Callable[[], Transaction | None], batch_began: float) -> None:
        self._call = call
        self.batch_began = batch_began
        self.began = time.monotonic()
        self.ended: float | None = None
        self.begun: Future[Transaction | None] = in_background(self._begin, "commit")

    def _begin(self) -> Transaction | None:
        transaction = self._call()
        if transaction is not None:
            transaction.ended.add_done_callback(self._note)
        return transaction

    def _note(self, _: Future[None]) -> None:
        self.ended = time.monotonic()

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
        self._commits[partition] = Commit(call, batch_began)

    def drop(self, partition: int) -> None:
        """Forget a partition's commit; it ends by itself."""
        self._commits.pop(partition, None)

    def ended(self, some: Collection[int], until: float) -> Iterator[tuple[int, Commit]]:
        """Remove and yield those that are done; of some, wait for the end until then."""
        for partition, commit in list(self._commits.items()):
            if commit.wait(until if partition in some else 0.0):
                del self._commits[partition]
                yield partition, commit


def asking(settings: Settings, partition: int) -> Callable[[], int | None]:
    """Return a call that asks the broker for the offset that the group has committed."""

    def ask() -> int | None:
        # On a connection of its own: the group's is polled by another thread.
        with contextlib.closing(Offsets.of(settings)) as offsets:
            return offsets.committed(partition)

    return ask
