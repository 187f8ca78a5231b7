"""A worker's replica of the model that a stream's partitions share, kept up to date with the lessons."""

from __future__ import annotations

import collections
import logging
import time
from collections.abc import Callable, Sequence

from stream.config import Settings
from stream.kafka import RecoveryError, Tail
from stream.pipeline import LearnerError, Outcome, Replica
from stream.records import BadEventError, EpochRecord, Record, StrikeRecord, decode_lesson
from stream.snapshot import Gap, Recovered, Store, recover
from stream.telemetry import Telemetry
from stream.worker.restoration import MOST_REFUSED

PARTITION = 0
"""The lessons' only partition."""
ANSWER_S = 1.0
"""Seconds that the broker may take to return the lessons' end while events wait to be answered."""
LEARNED_AT_ONCE = 500
"""Most lessons learned before other work is done."""
FAR_BEHIND = 5_000
"""Smallest lead of a newer snapshot, in lessons, at which it is loaded instead of learning those lessons."""
LOOK_S = 10.0
"""Seconds between two searches for a newer snapshot by a replica that is far behind."""
KEPT = 2_000
"""Most outcomes that a worker keeps in case it becomes the owner; for older ones it would relearn."""

log = logging.getLogger(__name__)


class Follower:
    """Learns a stream's lessons in order, each once.

    A lesson at which the learner fails stops it until the owner has struck the lesson out in the log, so all
    replicas skip the same ones. While workers with other settings answer, according to the log, it goes on
    learning: lessons do not depend on that, and its model is up to date when they have stopped.

    Parameters
    ----------
    settings
        Stream, broker, snapshots, and what determines what is learned.
    tail
        The lessons.
    store
        The snapshots of the lessons' partition.
    make_replica
        Makes a replica that has learned nothing, given the first lesson whose outputs count.
    telemetry
        Receives progress and heartbeats.

    Attributes
    ----------
    replica
        The model to answer with.
    kept
        Outcomes of the lessons that the replica has learned from `live_from` on, by offset.
    live_from
        The first lesson from which on all outcomes are kept.
    blocked
        The lesson at which the learner failed, and its error; None unless a strike is awaited.
    epoch
        The newest epoch in the log; None before any.
    gap
        Deleted lessons that a rebuilt model lacks, until the gap is announced; else None.
    learned_until
        Time stamp of the last lesson learned, in seconds since 1970; 0 before the first.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        store: Store,
        make_replica: Callable[[int], Replica],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._tail = tail
        self._store = store
        self._make_replica = make_replica
        self._telemetry = telemetry
        self._topic = store.identity.topic
        self._refused: dict[int, str] = {}
        self._ahead: collections.deque[Record] = collections.deque()
        self.replica = make_replica(0)
        self.kept: collections.deque[tuple[int, Outcome]] = collections.deque()
        self.live_from = 0
        self.blocked: tuple[Record, str] | None = None
        self.epoch: EpochRecord | None = None
        self.gap: Gap | None = None
        self.learned_until = 0.0
        self._look_at = 0.0
        self._spoilt: tuple[int, list[tuple[int, Outcome]], int] | None = None

    @property
    def standing_by(self) -> bool:
        """Whether workers with other settings answer."""
        return self.epoch is not None and self.epoch.configuration != self._settings.epoch

    def learn(self, patience_s: float = 0.0) -> int:
        """Learn the available lessons, and return how many.

        Parameters
        ----------
        patience_s
            Seconds to wait for lessons up to the log's end; 0 (the default) takes those fetched already.

        Raises
        ------
        BrokerError
            When the broker does not answer.
        LearnerError
            When the learner failed at more than `MOST_REFUSED` lessons.
        DivergedError
            When the replica's model differs from that of the others.
        """
        self._go_back()
        updates, deadline = self.replica.updates, time.monotonic() + patience_s
        end = self._tail.ends(self._topic, ANSWER_S).get(PARTITION, 0) if patience_s else 0
        self._take(self._tail.poll(0.0, LEARNED_AT_ONCE))
        while self._tail.position(self._topic) < end and (left := deadline - time.monotonic()) > 0.0:
            self._take(self._tail.poll(left, LEARNED_AT_ONCE))
        return self.replica.updates - updates

    def restore(self, committed: int | None) -> None:
        """Restore the replica from the newest snapshot, and learn up to the end of the lessons.

        Parameters
        ----------
        committed
            First lesson whose outcome is to be written; None, where the group has committed none: that of the
            newest snapshot, or the first.

        Raises
        ------
        RecoveryError
            When lessons that the model needs have been deleted.
        """
        end = self._end()
        self._go_on_with(self._recovered(committed))
        log.info("learning lessons from offset %d to %d", self.replica.next_offset, end)
        while self._tail.position(self._topic) < end:
            self._take(self._tail.poll(0.1, LEARNED_AT_ONCE))
            self._telemetry.beat()

    def leap(self) -> None:
        """Load a snapshot that is far ahead, if there is one: the owner's model is the same, but later."""
        lag, now = self._tail.lag(self._topic), time.monotonic()
        if self.blocked or lag is None or lag <= FAR_BEHIND or now < self._look_at:
            return
        self._look_at = now + LOOK_S
        newest, here = max(self._store.offsets(), default=0), self.replica.next_offset
        if newest - here <= FAR_BEHIND:
            return
        try:
            recovered = self._recovered(newest)
        except RecoveryError as error:
            log.warning("%d lessons behind, and no snapshot helps: %s", lag, error)
            return
        if recovered.task.next_offset > here:
            self._go_on_with(recovered)
            log.warning("%d lessons behind: went on from a snapshot at %d", lag, self.replica.next_offset)

    def _recovered(self, committed: int | None) -> Recovered[Replica]:
        beginning = self._tail.beginning(self._topic)
        if committed is None:
            committed = max(self._store.offsets(), default=beginning)
        return recover(
            self._make_replica,
            self._store,
            committed=committed,
            beginning=beginning,
            rebuild=self._settings.snapshot.rebuild,
        )

    def _go_on_with(self, recovered: Recovered[Replica]) -> None:
        self.replica = recovered.task
        self.replica.refused = self._refused
        self.gap = recovered.gap or self.gap
        self.live_from = self.replica.live_from
        self.kept.clear()
        self._ahead.clear()
        self._tail.seek(self._topic, self.replica.next_offset)

    def forget(self) -> None:
        """Keep at most `KEPT` outcomes of lessons that another worker writes."""
        while len(self.kept) > KEPT:
            self.live_from = self.kept.popleft()[0] + 1

    def _end(self) -> int:
        return self._tail.ends(self._topic).get(PARTITION, 0)

    def _take(self, records: Sequence[Record]) -> None:
        self._ahead.extend(records)
        for record in records:
            self._note(record)
        while self._ahead and not (self.blocked and self._ahead[0].offset == self.blocked[0].offset):
            record = self._ahead.popleft()
            try:
                outcome = self.replica.process([record])
            except LearnerError as error:
                self._block(record, error)
                return
            self.learned_until = record.timestamp / 1000
            if outcome.outputs:
                self.kept.append((record.offset, outcome))

    def _note(self, record: Record) -> None:
        """Apply a record that is about the log itself at once, even if the replica is not as far."""
        try:
            said = decode_lesson(record.value)
        except BadEventError:
            return
        if isinstance(said, EpochRecord):
            self.epoch = said
        elif isinstance(said, StrikeRecord):
            self._refused[said.offset] = said.detail
            if self.blocked and self.blocked[0].offset == said.offset:
                self.blocked = None

    def _block(self, record: Record, error: LearnerError) -> None:
        """Restore the state before a lesson that may be half learned, and wait until it is struck out."""
        if len(self._refused) >= MOST_REFUSED:
            raise error
        log.warning("the model goes back to its newest snapshot, and waits for a strike: %s", error)
        self.blocked = record, error.detail
        self._spoilt = record.offset, list(self.kept), self.live_from
        self._go_back()

    def _go_back(self) -> None:
        """Restore a replica that may have learned a part of a lesson."""
        if self._spoilt is not None:
            offset, kept, live_from = self._spoilt
            self.restore(offset)
            self._spoilt = None
            self.kept.extendleft(reversed(kept))
            self.live_from = live_from
