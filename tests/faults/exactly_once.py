"""What is promised, as checks of what a stream's topics hold; I1 to I7 of the design."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection
from typing import Self, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from drift.core import digest
from stream.config.settings import Settings
from stream.kafka import topic_id
from stream.pipeline import factory as assembly
from stream.pipeline.task import Task
from stream.records.schema import Output
from stream.records.topics import topic
from stream.snapshot import Identity, Snapshot, Store
from tests.stream.live import PATIENCE_S, LiveStream, WorkerProcess, source, until

Answer = TypeVar("Answer")
ANSWER_MS = 5_000
HEALED_S = 60.0
"""I7: how long the lag may last after everything is well again."""


def settings_of(live: LiveStream, **snapshot: object) -> Settings:
    """Return the settings that a live stream's worker processes run with, and some for snapshots."""
    plain = live.settings.model_dump()
    return Settings.model_validate(
        plain
        | {
            "snapshot": plain["snapshot"] | snapshot,
            "worker": plain["worker"] | {"session_timeout_ms": 6_000},
            "run": "same",
            "learner": {"name": live.environment["ITHACA_LEARNER__NAME"]},
            "encoder": {"parameters": {"dimensions": 64}},
        }
    )


def store_of(live: LiveStream, partition: int = 0) -> Store:
    """Return where the workers' snapshots of a partition are."""
    settings = settings_of(live)
    name = topic(settings.stream, "events")
    identity = Identity(name, topic_id(settings.kafka, name), partition, settings.configuration)
    return Store(settings.snapshot.location, settings.group, identity)


def uninterrupted(
    live: LiveStream, below: int | None = None, partition: int = 0
) -> tuple[Task, list[Output]]:
    """Return what a task makes of a partition's events, below an offset, in one go."""
    task = assembly.make_task(settings_of(live))
    records = [
        record
        for record in live.read("events")
        if record.partition == partition and (below is None or record.offset < below)
    ]
    outputs: list[Output] = []
    for begin in range(0, len(records), 500):
        outputs += task.process(records[begin : begin + 500]).outputs
    return task, outputs


Span = tuple[int, int, int]
"""Offsets of a partition: its number, the first offset, and one past the last."""


def within(spans: Collection[Span], place: tuple[int, int]) -> bool:
    """Whether a partition's offset is in one of the spans."""
    return any(partition == place[0] and begin <= place[1] < end for partition, begin, end in spans)


def check_as_if_uninterrupted(live: LiveStream, apart: Collection[Span] = ()) -> None:
    """I1 to I3 and I5, by bytes: what was written is what one run would have written.

    What was answered with other settings, or before all this, is left apart.
    """
    expected = {
        partition: uninterrupted(live, partition=partition)[1]
        for partition in range(live.settings.kafka.partitions)
    }
    for kind in ("predictions", "drift", "dlq"):
        written = live.read(kind)
        for partition, outputs in expected.items():
            ours = [
                Output(kind, each.key, each.value, each.headers)
                for each in written
                if each.partition == partition and not within(apart, source(each))
            ]
            assert ours == [each for each in outputs if each.kind == kind and not within(apart, source(each))]
    for record, prediction in live.predictions():
        assert all(each["offset"] < source(record)[1] for each in prediction["trained_through"])


def newest(live: LiveStream, partition: int = 0) -> Snapshot:
    """Return a partition's newest usable snapshot."""
    (snapshot, _), *_ = store_of(live, partition).candidates()
    return snapshot


def check_model(live: LiveStream, partition: int = 0) -> Snapshot:
    """I4: the newest snapshot holds the model of an uninterrupted run; returns it."""
    snapshot = newest(live, partition)
    expected, _ = uninterrupted(live, snapshot.offset, partition)
    assert digest(snapshot.state) == digest(expected.state())
    return snapshot


class Progress:
    """Asks for the committed offsets; notes whether one ever went back."""

    def __init__(self, live: LiveStream) -> None:
        name = topic(live.settings.stream, "events")
        self._places = [TopicPartition(name, number) for number in range(live.settings.kafka.partitions)]
        self._live = live
        self._highest: dict[TopicPartition, int] = {}
        self._client = self._connected()

    def watch(self, partition: int) -> None:
        """Ask for a partition that was added, too."""
        self._places.append(TopicPartition(topic(self._live.settings.stream, "events"), partition))

    def _connected(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._live.settings.kafka.bootstrap_servers,
            group_id=self._live.settings.group,
            isolation_level="read_committed",
        )

    def _ask(self, question: Callable[[KafkaConsumer], Answer]) -> Answer:
        """Ask, on a new connection where the old one does not survive a broker that was killed."""
        while True:
            try:
                return question(self._client)
            except (KafkaError, KeyError):  # KeyError: it has not heard of a partition that was added.
                self._client.close()
                self._client = self._connected()

    def committed(self) -> int:
        """Return how many events are done, over all partitions; I6."""
        for place in self._places:
            offset = self._ask(functools.partial(_committed, place)) or 0
            assert offset >= self._highest.get(place, 0), f"the commit of {place} went back to {offset}"
            self._highest[place] = offset
        return sum(self._highest.values())

    def ends(self) -> dict[int, int]:
        """Return one past the last event of each partition."""
        ends = self._ask(lambda client: client.end_offsets(self._places, timeout_ms=ANSWER_MS))
        return {place.partition: end for place, end in ends.items()}

    def lag(self) -> int:
        """Return how many events are not done."""
        return sum(self.ends().values()) - self.committed()

    def wait_until_healed(self, patience_s: float = PATIENCE_S) -> float:
        """Wait until nothing is left to do; return how long that took."""
        began = time.monotonic()
        while left := self.lag():
            assert time.monotonic() - began < patience_s, f"{left} events are left after {patience_s} s"
            time.sleep(0.1)
        return time.monotonic() - began

    def wait_for(self, goal: int, worker: WorkerProcess | None = None) -> None:
        """Wait until so many events are done, however slowly, while some are done and the worker lives."""

        def moved() -> bool:
            assert worker is None or worker.poll() is None, worker.said()
            return self.committed() > done

        while (done := self.committed()) < goal:
            until(moved, HEALED_S)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Let go of the connection."""
        self._client.close()


def _committed(place: TopicPartition, client: KafkaConsumer) -> int | None:
    return client.committed(place, timeout_ms=ANSWER_MS)
