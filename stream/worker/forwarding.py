"""Feedback, and taxonomy operations, from topics of their own, are appended to the events.

There is no order between two topics, and a model must be a function of one ordered input. So records of
`<stream>.feedback` are appended to the same partition of `<stream>.events`, and those of `<stream>.control`,
whose one partition orders all operations, to every partition (to the first alone where partitions share a
model), in transactions: each record exactly once, in order, between whichever events are there. From then on
they are records of the events topic, the only log that snapshots, restarts and replays have to read.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from stream.config import Settings
from stream.kafka import (
    BrokerError,
    FencedError,
    Group,
    Outbox,
    TopicWatch,
    UnwrittenError,
    partitions_of,
)
from stream.records import (
    CONTROL_TYPE,
    FEEDBACK_TYPE,
    BadEventError,
    Output,
    Record,
    check_size,
    dead_letter_output,
    forwarded_output,
    topic,
)
from stream.worker.ending import Ending
from stream.worker.restorer import RETRY_S

FORWARDED_AT_ONCE = 500
"""Most records in one transaction."""

log = logging.getLogger(__name__)


class Route(NamedTuple):
    """Where the records of a topic are appended.

    Parameters
    ----------
    kind
        The kind of topic that is read.
    ce_type
        CloudEvents type of its records on the events topic.
    everywhere
        Whether they go to every partition of the events, or (the default) to the one with the same number.
    idle_s
        Pause in seconds after a poll without records.
    """

    kind: str
    ce_type: bytes
    everywhere: bool = False
    idle_s: float = 0.02


ROUTES = (Route("feedback", FEEDBACK_TYPE), Route("control", CONTROL_TYPE, everywhere=True, idle_s=0.2))


class Forwarder:
    """Appends the records of the feedback topic, or of another one, to the events.

    All services of a stream share this work, in a consumer group of its own: a record is appended once,
    however many services read the stream.

    Parameters
    ----------
    settings
        Stream and broker.
    ending
        Says when to end.
    route
        The topic to read, and where its records go.

    Raises
    ------
    BrokerError
        When there is no broker.
    """

    def __init__(self, settings: Settings, ending: Ending, route: Route = ROUTES[0]) -> None:
        instance = settings.worker.instance and f"{settings.group}-{settings.worker.instance}"
        worker = settings.worker.model_copy(
            update={"group": f"ithaca-{route.kind}-{settings.stream}", "instance": instance}
        )
        self._settings = settings.model_copy(update={"worker": worker})
        self._route = route
        self._source = f"/ithaca/{topic(settings.stream, route.kind)}"
        self._group = Group(self._settings, route.kind)
        self._present = TopicWatch(settings.kafka, topic(settings.stream, route.kind))
        self._outboxes: dict[int, Outbox] = {}
        self._failed: dict[int, float] = {}
        self._topic_id: str | None = None
        self._ending = ending

    def run(self) -> None:
        """Work until the end is asked for, and finish the transaction in hand.

        Raises
        ------
        InstanceError
            When another worker has the same instance name.
        """
        try:
            while not self._ending.asked:
                if not self._turn():
                    time.sleep(self._route.idle_s)
        finally:
            for partition in list(self._outboxes):
                self._outboxes.pop(partition).close()
            self._group.close()
            self._present.close()

    def _turn(self) -> int:
        polled = self._group.poll(FORWARDED_AT_ONCE)
        for partition in (*polled.released, *polled.lost):
            self._failed.pop(partition, None)
            if partition in self._outboxes:
                self._outboxes.pop(partition).close()
        if self._group.topic_id not in (None, self._topic_id):
            # Offsets mean other records now, and so do the outboxes' commits.
            self._topic_id = self._group.topic_id
            self._failed |= dict.fromkeys(self._outboxes, 0.0)
            while self._outboxes:
                self._outboxes.popitem()[1].close()
        self._failed |= dict.fromkeys(polled.gained, 0.0)
        for partition in self._failed:
            polled.records.pop(partition, None)  # They are from before it goes back.
        for partition in [waiting for waiting, at in self._failed.items() if at <= time.monotonic()]:
            self._attempt(partition, functools.partial(self._go_back, partition))
        for partition, records in polled.records.items():
            if partition not in self._failed:
                self._attempt(partition, functools.partial(self._forward, partition, records))
        return sum(map(len, polled.records.values()))

    def _attempt(self, partition: int, step: Callable[[], None]) -> None:
        try:
            step()
        except (BrokerError, FencedError, UnwrittenError) as error:
            log.warning("%s of partition %d waits: %s", self._route.kind, partition, error)
            if partition in self._outboxes:
                self._outboxes.pop(partition).close()
            self._group.hold(partition)
            self._failed[partition] = time.monotonic() + RETRY_S

    def _go_back(self, partition: int) -> None:
        """Read on from the committed offset, which may be unset, at whatever position the client is."""
        # Opening the outbox completes or aborts the last owner's open transaction: only then is the committed
        # offset final, and only then can later events be read.
        if partition not in self._outboxes:
            self._outboxes[partition] = Outbox(
                self._settings,
                partition,
                self._group.is_member,
                self._route.kind,
                topic_id=self._topic_id,
            )
        self._group.read_from(partition, self._group.committed(partition, self._topic_id) or 0)
        del self._failed[partition]

    def _forward(self, partition: int, records: Sequence[Record]) -> None:
        if self._present.topic_id() != self._topic_id:
            raise BrokerError(f"{self._group.topic} was deleted, or made anew; it is looked at again")
        to = self._destinations(partition)
        outputs = [output for record in records for output in self._forwarded(record, to)]
        self._outboxes[partition].write(outputs, records[-1].offset + 1, self._group.membership())

    def _destinations(self, partition: int) -> Sequence[int]:
        if not self._route.everywhere:
            return [partition]
        if self._settings.model.scope == "stream":
            return [0]  # From there it goes to the lessons, which all replicas read.
        # Asked for each record, as operations are rare: partitions may have been added to the events.
        return range(partitions_of(self._settings.kafka, topic(self._settings.stream, "events")))

    def _forwarded(self, record: Record, to: Sequence[int]) -> list[Output]:
        try:
            check_size(record.value or b"", record.key)
        except BadEventError as bad:
            return [dead_letter_output(record, bad, self._source)]
        return [forwarded_output(record, self._route.ce_type, partition) for partition in to]


@contextmanager
def forwarding(settings: Settings, ending: Ending) -> Iterator[None]:
    """Forward feedback and operations, on a thread each, inside the block or until the end is asked for.

    Parameters
    ----------
    settings
        As `Forwarder` has them.
    ending
        The worker's. A thread that cannot go on asks for it; its error is raised at the end of the block.
    """
    failures: list[Exception] = []

    def run(forwarder: Forwarder, kind: str) -> None:
        try:
            forwarder.run()
        except Exception as error:
            log.error("%s is not forwarded any more: %s", kind, error)
            failures.append(error)
            ending.ask()

    forwarders = [Forwarder(settings, ending, route) for route in ROUTES]
    threads = [
        threading.Thread(
            target=run, args=(forwarder, route.kind), name=f"{route.kind} forwarder", daemon=True
        )
        for forwarder, route in zip(forwarders, ROUTES, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.ask()
        deadline = ending.over_by
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    if failures:
        raise failures[0]
