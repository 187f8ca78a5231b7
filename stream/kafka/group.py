"""Membership of a consumer group: assigned partitions, their records, their offsets and lag."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from kafka import ConsumerGroupMetadata, ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import FencedInstanceIdError, IllegalStateError, KafkaError
from kafka.structs import MemberState

from stream.config import Settings
from stream.kafka.background import in_background
from stream.kafka.clients import Fetched, by_partition, consumer, poll
from stream.kafka.errors import InstanceError, answer
from stream.kafka.offsets import Offsets, member_ids
from stream.records import Record, topic

JOIN_S = 0.02
"""Seconds that a poll without records waits for a rebalance to complete."""

LEAVING_S = 2.0
"""Seconds that leaving the group may take; all but the last half of one may be spent on joining."""

HEARTBEAT_S = 3.0
"""Seconds between heartbeats; their response tells a member that it was removed from the group."""

REFUSED_S = 1.0
"""Pause in seconds after the broker has refused."""

TROUBLE_S = HEARTBEAT_S + 2 * REFUSED_S
"""Seconds without a refusal after which reading works: refusals come with fetches and heartbeats."""

Membership = ConsumerGroupMetadata
"""Proves membership to the broker, so that a member removed from the group cannot commit."""

log = logging.getLogger(__name__)


class Polled(NamedTuple):
    """The result of one poll.

    Parameters
    ----------
    records
        Per partition, in offset order; none of a partition that was assigned in this poll.
    gained, released, lost
        Partitions that were assigned, revoked with notice, and lost without notice.
    """

    records: dict[int, list[Record]]
    gained: Sequence[int]
    released: Sequence[int]
    lost: Sequence[int]


NOTHING = Polled({}, (), (), ())


class Group:
    """Membership of the consumer group that shares a stream's events, or another of its topics.

    The library calls back from within its rebalances; the callbacks only record what happened, and `poll`
    returns it. A partition that moves is revoked in one rebalance and assigned to another worker in the next,
    which starts only with a poll: a caller that finishes what one poll returned before it polls again has no
    batch in flight when another worker gets the partition.

    Parameters
    ----------
    settings
        Stream, group, instance and broker.
    kind
        The kind of topic that is shared.
    """

    def __init__(self, settings: Settings, kind: str = "events") -> None:
        self.topic = topic(settings.stream, kind)
        self._settings = settings
        self._member_id = ""  # As it was when partitions were assigned: when they are lost, it has another.
        self._consumer = consumer(
            settings.kafka,
            group_id=settings.group,
            group_instance_id=settings.worker.instance,
            session_timeout_ms=settings.worker.session_timeout_ms,
            heartbeat_interval_ms=int(1000 * HEARTBEAT_S),
        )
        self._joining: Future[bool] | None = None
        self._retry_at, self._trouble = 0.0, ("", -math.inf)
        self._offsets = Offsets(self._consumer, self.topic)
        self._changes = _Changes(self._consumer)
        # A group leader that does not know the topic's partitions yet assigns none to any member, and if they
        # become known at that very moment, the library does not rebalance again.
        self._consumer.partitions_for_topic(self.topic)
        self._consumer.subscribe([self.topic], listener=self._changes)

    def poll(self, limit: int) -> Polled:
        """Return soon with about `limit` records that are fetched, and the changes of the assignment.

        Raises
        ------
        InstanceError
            When another member of the group has the same instance name.
        """
        if time.monotonic() < self._retry_at:
            return NOTHING
        try:
            self._unpark()
            if not self._settled():
                return self._kept(limit)
            if self._changes.any():
                # The library would begin the next rebalance, which gives to others what was revoked in this.
                return self._polled({})
            polled = poll(self._consumer, limit)
        except FencedInstanceIdError as error:
            raise InstanceError from error
        except KafkaError as error:
            # The broker is down, or a right or a password is missing: operators take and give them.
            self._refused(error)
            return NOTHING
        return self._polled(polled)

    def _refused(self, error: KafkaError) -> None:
        now = time.monotonic()
        self._retry_at = now + REFUSED_S
        if self.trouble is None:
            log.warning("the records of %s cannot be read: %s; trying again", self.topic, error)
        self._trouble = (f"the records of {self.topic} cannot be read: {answer(error)}", now)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be read at present; None if it can."""
        text, at = self._trouble
        return text if time.monotonic() - at < TROUBLE_S else None

    def _kept(self, limit: int) -> Polled:
        """Return records of the assigned partitions while the group rebalances, for as long as it takes.

        A partition is revoked only when a rebalance completes, and the next one starts with a poll: until
        then all assigned partitions may be processed. What is lost is lost from the beginning of joining on.
        """
        fetcher = self._consumer._fetcher
        polled: Fetched = {}
        partial = True
        # The client's thread may revoke a partition between two accesses here: then it is not found
        # (KeyError) or, if it is assigned again already, has no position yet (IllegalStateError).
        with contextlib.suppress(KeyError, IllegalStateError):
            polled, partial = fetcher.fetched_records(limit)
        if not partial:
            # Runs on the client's thread, like all changes of the assignment, so none is revoked meanwhile.
            fetcher.send_fetches()
        if not polled and self._joining is not None:
            concurrent.futures.wait([self._joining], JOIN_S)
        return self._polled(polled)

    def _polled(self, polled: Fetched) -> Polled:
        records = by_partition(polled)
        if not self._changes.any():
            return Polled(records, (), (), ())
        gained, released, lost = self._changes.take()
        self._member_id = self.membership().member_id if gained else self._member_id
        at = f"{self.topic}, generation {self.membership().generation_id}"
        log.info("%s: gained %s, released %s, lost %s", at, gained, released, lost)
        for partition in gained:
            records.pop(partition, None)
        return Polled(records, gained, released, lost)

    def _settled(self) -> bool:
        """Return whether the rebalance is complete; start or continue joining if it is not.

        A thread waits for joining without interruption, because otherwise the library repeats a rebalance
        that completed while nothing waited for it: a worker that waits only between batches may never
        complete one. And if it has the group's answer but not yet its partitions when the wait ends, it
        forgets that it was joining.
        """
        coordinator = self._consumer._coordinator
        if self._joining is None and (coordinator.need_rejoin() or not self.joined):
            coordinator.request_rejoin()
            self._joining = in_background(coordinator.poll, "joining")
        if self._joining is None:
            return True
        if not self._joining.done():
            return False
        joining, self._joining = self._joining, None
        joining.result()  # Raises the error that ended it; the next poll joins again.
        return True

    def _unpark(self) -> None:
        """Let the library return fetched records that it set aside for a partition while that was paused.

        It returns them only when it has no current fetch, but keeps the last one as current, empty, until
        another arrives. If all other partitions are paused or revoked, none does: nothing would be read any
        more. If another partition has a backlog, the current fetch is never empty: the two are exchanged.
        """
        fetcher = self._consumer._fetcher
        if not fetcher._next_partition_records:
            fetcher._next_partition_records = None
        at_hand, parked = fetcher._next_partition_records, fetcher._paused_partition_records
        resumed = [place for place in parked if place not in self._consumer.paused()]
        if at_hand is not None and resumed:
            fetcher._next_partition_records = parked.pop(resumed[0])
            parked[at_hand.topic_partition] = at_hand

    @property
    def joined(self) -> bool:
        """Whether this process is a member of the group and the rebalance is complete."""
        return self._consumer.group_metadata().state == MemberState.STABLE

    @property
    def topic_id(self) -> str | None:
        """The topic's id, which tells it from an earlier one of the same name; None while unknown."""
        found = self._consumer._cluster.topic_id(self.topic)
        return None if found is None else str(found)

    def read_from(self, partition: int, offset: int) -> None:
        """Resume a partition from an offset."""
        with self._unless_gone(partition, KeyError, ValueError):
            self._consumer.seek(self._place(partition), offset)
        self.go_on(partition)

    def committed(self, partition: int, topic_id: str | None = None) -> int | None:
        """Return the offset that the group has committed for a partition; see `Offsets.committed`."""
        return self._offsets.committed(partition, topic_id)

    def hold(self, partition: int) -> None:
        """Pause a partition until `go_on`."""
        with self._unless_gone(partition, KeyError):
            self._consumer.pause(self._place(partition))

    def go_on(self, partition: int) -> None:
        """Resume a partition."""
        with self._unless_gone(partition, KeyError):
            self._consumer.resume(self._place(partition))

    def lag(self, partition: int, offset: int, *, settled: bool = True) -> int | None:
        """Return the number of offsets up to a partition's end; None as long as that is unknown.

        Parameters
        ----------
        partition, offset
            The partition, and one past its last committed record.
        settled
            Whether all records that were returned are committed. Then offsets that the library skipped after
            them, the control records of transactions, count as done too.
        """
        end, position = None, None
        place = self._place(partition)
        with self._unless_gone(partition, KeyError, IllegalStateError):
            end = self._consumer.highwater(place)
            position = self._consumer._subscription.assignment[place].position if settled else None
        return None if end is None else max(0, end - max(offset, position.offset if position else 0))

    def unread(self, partitions: Iterable[int]) -> int:
        """Return the number of offsets of some partitions that were not polled yet, as far as is known."""
        return sum(self.lag(partition, 0) or 0 for partition in partitions)

    def membership(self) -> Membership:
        """Return the current membership; thread-safe."""
        return self._consumer.group_metadata()

    def is_member(self) -> bool:
        """Ask the broker whether what `poll` has assigned is still this member's; thread-safe.

        A worker that stood still for longer than the session timeout may not have heard that it is not.
        """
        return self._member_id in member_ids(self._settings.kafka, self._settings.group)

    def close(self) -> None:
        """Leave the group."""
        deadline = time.monotonic() + LEAVING_S
        if self._joining is not None:
            # A member that leaves while joining stays in the group until its session times out.
            concurrent.futures.wait([self._joining], LEAVING_S - 0.5)
        # A member with an instance name would stay, and its partitions wait, until its session times out.
        self._consumer._coordinator.is_dynamic_member = lambda: True
        try:
            self._consumer.close(autocommit=False, timeout_ms=round(1000 * (deadline - time.monotonic())))
        except KafkaError as error:
            log.warning("the group was not left in order: %s", error)

    @contextlib.contextmanager
    def _unless_gone(self, partition: int, *raised: type[Exception]) -> Iterator[None]:
        """Suppress errors about a partition that was revoked since the last poll: the next one reports it.

        Parameters
        ----------
        partition
            The partition that the call in the block is about.
        raised
            What the call raises if the partition is not assigned. A KeyError may follow even a check by the
            call itself, as the client's thread may revoke the partition in between.
        """
        try:
            yield
        except raised:
            if self._place(partition) in self._consumer.assignment():
                raise

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)


class _Changes(ConsumerRebalanceListener):
    """Records the library's callbacks, which come on a thread of its own."""

    def __init__(self, client: KafkaConsumer) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._noted: tuple[list[int], list[int], list[int]] = ([], [], [])

    def take(self) -> tuple[list[int], list[int], list[int]]:
        with self._lock:
            noted, self._noted = self._noted, ([], [], [])
        return noted

    def any(self) -> bool:
        """Return whether there is something to take."""
        with self._lock:
            return any(self._noted)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        with self._lock:
            self._noted[0].extend(sorted(place.partition for place in assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._give_up(revoked, 1)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        # The library would claim them as it joins again: who has them now would lose them for seconds.
        for assignor in self._client._coordinator._assignors.values():
            assignor.member_assignment = None
        self._give_up(lost, 2)

    def _give_up(self, partitions: Iterable[TopicPartition], kind: int) -> None:
        # One poll can assign and revoke a partition, in either order; the later change counts.
        gone = sorted(place.partition for place in partitions)
        with self._lock:
            self._noted[0][:] = [partition for partition in self._noted[0] if partition not in gone]
            self._noted[kind].extend(gone)
