"""An assigned partition: its task, its outbox, and its snapshots."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from stream.kafka import FencedError, Membership, Outbox, Transaction, UnwrittenError
from stream.pipeline import Outcome, Pipeline
from stream.records import Output, Record
from stream.snapshot import Attempts, Keeper, StoredSnapshot
from stream.telemetry import Telemetry

Made = TypeVar("Made", bound=Pipeline)

EVERY = 2**31
"""More records than a transaction has: all that are pending."""

LONGEST_S = 10.0
"""Seconds of a turn after which a partition leaves what was read to the next, so that the loop turns."""


class UnkeptError(RuntimeError):
    """A worker ended without its last snapshots; the message says which, why, and what that costs."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"stopped without the last snapshot of {', '.join(missing)}. What the newest one lacks is "
            "relearned at the next start, as long as the broker has the events. Make room at "
            "snapshot.location, or let it be written to, before they expire."
        )


@dataclasses.dataclass
class AssignedPartition(Generic[Made]):
    """An assigned partition: its task, its outbox, and what is processed but not committed.

    What is processed at once is committed at once, unless a transaction of it failed: it may be too much for
    the time, where a quota slows the producer. The next one has half as many records. Their number doubles
    with each transaction that takes less than a third of its time.
    """

    task: Made
    outbox: Outbox
    keeper: Keeper
    committed: int
    attempts: Attempts | None = None
    snapshot: StoredSnapshot | None = None
    pending: Outcome | None = None
    most: int = EVERY
    tried: int = EVERY
    began: float = 0.0
    writing: Sequence[Output] = ()
    doubtful: bool = False
    closed: bool = False
    retry_at: float = 0.0

    def process(self, records: Sequence[Record]) -> int:
        """Process records, as many as are safe and soon done; return how many. Their outcome is then pending.

        Raises
        ------
        EncoderError, LearnerError
            See `Task.process`.
        """
        taken = records if self.attempts is None else self.attempts.begin(records)
        try:
            self.pending = self.task.process(taken)
        finally:
            if self.attempts is not None:
                self.attempts.end(self.task.next_offset)
        return sum(record.offset < self.task.next_offset for record in taken)

    def commit(self, membership: Membership, committed: Callable[[], int | None]) -> Outcome | None:
        """Write the pending outcome, or a part, and commit its offset; see `begin` and `end`."""
        return self.end(self.begin(membership, committed))

    def begin(self, membership: Membership, committed: Callable[[], int | None]) -> Transaction | None:
        """Begin the transaction that writes the pending outcome, or a part, and commits its offset.

        It is committed once, even after failed attempts: None if an earlier one turns out to have succeeded.

        Parameters
        ----------
        membership
            The group's: a worker that was removed from it cannot commit.
        committed
            Asks the broker for the group's offset, which decides whether an attempt in doubt succeeded.

        Raises
        ------
        FencedError
            When another worker writes for this partition.
        UnwrittenError, BrokerError
            When the outcome of the attempt before is unknown; try again.
        """
        if self.pending is None:
            return None
        if self._settled(self.pending.split(self.tried)[0], committed):
            return None
        self.tried, self.began = self.most, time.monotonic()
        part, _ = self.pending.split(self.tried)
        self.writing = part.outputs
        if part.next_offset <= self.committed:
            return None
        self.doubtful = True
        transaction = self.outbox.begin(part.outputs, part.next_offset, membership)
        self.writing = transaction.outputs
        return transaction

    def end(self, transaction: Transaction | None) -> Outcome | None:
        """Wait until the transaction is completed; return what was committed, if anything was pending.

        Raises
        ------
        FencedError
            When another worker writes for this partition.
        UnwrittenError
            When it failed or its outcome is unknown; try again.
        """
        if self.pending is None:
            return None
        part, rest = self.pending.split(self.tried)
        if transaction is not None:
            self._wait(transaction, len(part.steps))
        self.doubtful = False
        self.committed = max(self.committed, part.next_offset)
        self.pending = rest
        return part.written(self.writing)

    def _wait(self, transaction: Transaction, records: int) -> None:
        try:
            self.outbox.end(transaction)
        except UnwrittenError:
            self.most = max(1, records // 2)
            raise
        if 3 * (time.monotonic() - self.began) < transaction.deadline - self.began:
            self.most = min(2 * self.most, EVERY)

    def _settled(self, outcome: Outcome, committed: Callable[[], int | None]) -> bool:
        """Return whether an outcome whose transaction seemed to fail was committed after all."""
        if not self.doubtful:
            return False
        if self.closed:
            raise FencedError("The partition was given up.")  # Reopening would fence its new owner.
        # Reopening commits or aborts an open transaction: only then is the offset final.
        self.outbox.reopen()
        reached = committed() or 0
        if self.committed < reached < outcome.next_offset:
            raise FencedError(
                f"Another worker of this group went on to offset {reached}, in the middle of our batch from "
                f"{self.committed} to {outcome.next_offset}; nothing of it was emitted."
            )
        self.doubtful = False
        return reached >= outcome.next_offset

    def close(self) -> None:
        """Close the outbox; what is pending is discarded, and the next owner of the partition repeats it."""
        self.closed = True
        self.outbox.close()


def save(assigned: AssignedPartition[Made], telemetry: Telemetry) -> None:
    """Take a snapshot of a partition; see `Keeper.save`."""
    telemetry.snapshot_taken(assigned.keeper.save(assigned.task))


def save_last(settled: Sequence[AssignedPartition[Made]], telemetry: Telemetry, deadline: float) -> list[str]:
    """Take snapshots of partitions that are given up, where they have none; wait for them until then.

    Return which of them were not written, and why.
    """
    for assigned in settled:
        assigned.keeper.wait(deadline - time.monotonic())
        if assigned.keeper.stale(assigned.task):
            save(assigned, telemetry)
    for assigned in settled:
        assigned.keeper.wait(deadline - time.monotonic())
    return [why for assigned in settled if (why := assigned.keeper.missing(assigned.task))]
