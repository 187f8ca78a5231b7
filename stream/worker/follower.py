"""A worker's replica of the model that a stream's partitions share, kept as far as the lessons go.

Every worker follows the lessons. One of them, to which a consumer group gives the lessons' only partition,
owns them: it writes what happens once for each lesson (drift events, label statistics), in transactions with
the offset that they belong to, and takes the snapshots that all replicas begin from.
"""

from __future__ import annotations

import collections
import logging
import time
from collections.abc import Callable, Sequence

from stream.config import Settings
from stream.kafka import (
    BrokerError,
    FencedError,
    Group,
    InstanceError,
    Outbox,
    Tail,
    UnwrittenError,
    topic_id,
)
from stream.pipeline import LearnerError, Outcome, Replica, joined
from stream.records import Record, topic
from stream.snapshot import Identity, Keeper, Store, recover
from stream.telemetry import Telemetry
from stream.worker.partition import LAST_SNAPSHOT_S, AssignedPartition, save
from stream.worker.restoration import MOST_REFUSED
from stream.worker.restorer import RETRY_S

PARTITION = 0
"""The lessons' only partition."""
LEARNED_AT_ONCE = 500
"""Most lessons learned before other work has its turn."""
KEPT = 2_000
"""Most outcomes that a worker keeps in case that it becomes the owner; beyond that it would relearn."""
COMMIT_S = 1.0
"""How often the owner commits how far it is where nothing is to be written."""

log = logging.getLogger(__name__)


class Follower:
    """Learns a stream's lessons, and writes what comes of them while it owns them.

    Making one takes until the replica has learned all lessons that are there.

    Parameters
    ----------
    settings
        Stream, group, broker and snapshots.
    make_replica
        Makes a replica that has learned nothing, given the first lesson whose outputs count.
    telemetry
        Whom to tell.

    Attributes
    ----------
    replica
        The model to answer with.

    Raises
    ------
    RecoveryError
        When lessons that the model needs are gone.
    BrokerError
        When there is no broker.
    """

    def __init__(
        self, settings: Settings, make_replica: Callable[[int], Replica], telemetry: Telemetry
    ) -> None:
        self._settings = _of_lessons(settings)
        self._make_replica = make_replica
        self._telemetry = telemetry
        self._topic = topic(settings.stream, "lessons")
        self._refused: dict[int, str] = {}
        self._kept: collections.deque[tuple[int, Outcome]] = collections.deque()
        self._owned: AssignedPartition[Replica] | None = None
        self._gain_at: float | None = None
        self._committed_at = 0.0
        self._store = self._opened_store(settings)
        self._tail = Tail(settings.kafka, {self._topic: None})
        self.replica = make_replica(0)
        self._restore(None)
        self._group = Group(self._settings, "lessons")

    def current(self) -> Replica:
        """Return the replica as it is now: it may be made anew."""
        return self.replica

    @property
    def owner(self) -> bool:
        """Whether this worker writes what comes of the lessons."""
        return self._owned is not None

    def turn(self) -> None:
        """Learn what lessons are there, and write what comes of them; returns at once.

        Raises
        ------
        InstanceError, LearnerError, RecoveryError
            See there: the worker cannot go on.
        """
        self._follow_group()
        self._learn(self._tail.poll(0.0, LEARNED_AT_ONCE))
        if self._owned is not None:
            self._write(self._owned)
        while not self.owner and len(self._kept) > KEPT:
            self._live_from = self._kept.popleft()[0] + 1
        self._telemetry.followed(self.replica, self._tail.lag(self._topic), owner=self.owner)

    def close(self) -> None:
        """Take the last snapshot, where it is ours to take, and let go."""
        self._release()
        self._group.close()
        self._tail.close()

    # Learning ------------------------------------------------------------------------------------------

    def _learn(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                outcome = self.replica.process([record])
            except LearnerError as error:
                self._refuse(error)
                return
            if outcome.outputs:
                self._kept.append((record.offset, outcome))

    def _refuse(self, error: LearnerError) -> None:
        """Begin anew without a lesson at which the learner threw: it may have learned a part of it."""
        log.warning("the model goes back to its newest snapshot: %s", error)
        self._refused[error.offset] = error.detail
        if len(self._refused) > MOST_REFUSED:
            raise error
        self._restore(None if self._owned is None else self._owned.committed)
        if self._owned is not None:
            self._owned.task = self.replica

    def _restore(self, committed: int | None) -> None:
        """Make the replica anew: from the newest snapshot, up to the last lesson that is there.

        Parameters
        ----------
        committed
            From here on what comes of the lessons is to be written; None: nothing of what is there.
        """
        end, beginning = self._tail.ends(self._topic)[PARTITION], self._tail.beginning(self._topic)
        recovered = recover(
            self._make_replica,
            self._store,
            committed=end if committed is None else committed,
            beginning=beginning,
            rebuild=self._settings.snapshot.rebuild,
        )
        self.replica = recovered.task
        self.replica.refused = self._refused
        self._live_from = self.replica.live_from
        self._kept.clear()
        log.info("learning lessons from offset %d to %d", self.replica.next_offset, end)
        self._tail.seek(self._topic, self.replica.next_offset)
        while self._tail.position(self._topic) < end:
            self._learn(self._tail.poll(0.1, LEARNED_AT_ONCE))
            self._telemetry.beat()
            self._telemetry.followed(self.replica, self._tail.lag(self._topic), owner=self.owner)

    # Owning --------------------------------------------------------------------------------------------

    def _follow_group(self) -> None:
        polled = self._group.poll(1)
        if polled.released or polled.lost:
            self._release()
        if polled.gained:
            self._group.hold(PARTITION)
            self._gain_at = 0.0
        if self._gain_at is not None and self._gain_at <= time.monotonic():
            self._gain()

    def _gain(self) -> None:
        try:
            # First the outbox: it settles what the last owner left open, and only then is the offset final.
            outbox = Outbox(self._settings, PARTITION, "lessons")
            committed = self._group.committed(PARTITION)
        except (BrokerError, FencedError, UnwrittenError) as error:
            log.warning("the lessons are not ours yet: %s; trying again", error)
            self._gain_at = time.monotonic() + RETRY_S
            return
        begin = 0 if committed is None else committed
        if begin < self._live_from:
            self._restore(begin)
        while self._kept and self._kept[0][0] < begin:
            self._kept.popleft()
        self._gain_at = None
        self._owned = AssignedPartition(self.replica, outbox, self._keeper(), begin)
        log.info("owner of the lessons from offset %d on", begin)

    def _write(self, owned: AssignedPartition[Replica]) -> None:
        now = time.monotonic()
        if owned.retry_at > now:
            return
        if owned.pending is None and (self._kept or now - self._committed_at >= COMMIT_S):
            owned.pending = joined([outcome for _, outcome in self._kept], self.replica.next_offset)
            self._kept.clear()
        if owned.pending is None:
            return
        try:
            outcome = owned.pending
            owned.commit(self._group.membership(), lambda: self._group.committed(PARTITION))
        except InstanceError:
            raise
        except FencedError as error:
            log.warning("%s Another worker owns the lessons", error)
            self._telemetry.fenced()
            self._drop()
        except (UnwrittenError, BrokerError) as error:
            log.warning("%s; trying again", error)
            self._telemetry.failed()
            owned.retry_at = now + RETRY_S
        else:
            self._committed_at, self._live_from = now, owned.committed
            self._telemetry.observed(outcome)
            if owned.keeper.due(self.replica):
                save(owned, self._telemetry)

    def _release(self) -> None:
        """Give the lessons up, with a last snapshot of what is committed."""
        if self._owned is not None and self._owned.pending is None and not self._kept:
            self._owned.keeper.wait(LAST_SNAPSHOT_S)
            if self._owned.keeper.stale(self.replica):
                save(self._owned, self._telemetry)
            self._owned.keeper.wait(LAST_SNAPSHOT_S)
        self._drop()

    def _drop(self) -> None:
        self._gain_at = None
        if self._owned is not None:
            if self._owned.pending is not None:
                # Whoever owns the lessons next writes it; should that be us, it is to be made again.
                self._live_from = self.replica.next_offset
                self._kept.clear()
            self._owned.close()
            self._owned = None

    def _keeper(self) -> Keeper:
        keeper = Keeper(
            self._store,
            every_s=self._settings.snapshot.every_s,
            every_records=self._settings.snapshot.every_records,
            written=lambda kept: self._telemetry.snapshot_written(PARTITION, kept),
            failed=self._telemetry.snapshot_failed,
        )
        keeper.begin(self.replica.next_offset)
        return keeper

    def _opened_store(self, settings: Settings) -> Store:
        return Store(
            settings.snapshot.location,
            settings.group,
            Identity(self._topic, topic_id(settings.kafka, self._topic), PARTITION, settings.configuration),
            keep=settings.snapshot.keep,
            allow_pickle=settings.snapshot.allow_pickle,
            settings=settings.canonical,
        )


def _of_lessons(settings: Settings) -> Settings:
    """Return the settings of the group that shares the lessons: a group of its own."""
    group = f"{settings.group}.lessons"
    instance = settings.worker.instance and f"{settings.worker.instance}.lessons"
    worker = settings.worker.model_copy(update={"group": group, "instance": instance})
    return settings.model_copy(update={"worker": worker})
