"""A consumer that reads logs from memory: what those that use one do with what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError


class Logs:
    """Topics of partitions of offsets, with what `KafkaConsumer` has of methods.

    Parameters
    ----------
    topics
        For each partition of each topic its first offset and one past its last.

    Attributes
    ----------
    fails
        Whether the broker refuses from now on.
    opened, closes
        How often whoever counts it has opened a connection, and how often one was closed.
    missing
        Offsets that bring no record, as those of transactions' marks.
    limits
        How many records were asked for, each time.
    value
        Returns a record's value by its offset.
    """

    def __init__(self, **topics: Mapping[int, tuple[int, int]]) -> None:
        self.topics = {name.replace("_", "."): dict(partitions) for name, partitions in topics.items()}
        self.places: dict[TopicPartition, int | None] = {}
        self.missing: set[int] = set()
        self.fails = self.closed = False
        self.opened = self.closes = 0
        self.limits: list[int] = []
        self.value: Callable[[int], bytes] = b"%d".__mod__

    def _check(self) -> None:
        if self.fails:
            raise KafkaError("no")

    def _ranges(self, places: Iterable[TopicPartition], end: int) -> dict[TopicPartition, int]:
        self._check()
        return {place: self.topics[place.topic][place.partition][end] for place in places}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return a topic's partitions."""
        self._check()
        return set(self.topics[topic]) if topic in self.topics else None

    def beginning_offsets(self, places: Iterable[TopicPartition], **_: Any) -> dict[TopicPartition, int]:
        """Return first offsets."""
        return self._ranges(places, 0)

    def end_offsets(self, places: Iterable[TopicPartition], **_: Any) -> dict[TopicPartition, int]:
        """Return one past the last ones."""
        return self._ranges(places, 1)

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Read these from now on; a place that stays keeps its position."""
        self.places = {place: self.places.get(place) for place in places}

    def assignment(self) -> set[TopicPartition]:
        """Return what is read."""
        return set(self.places)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on elsewhere."""
        self.places[place] = offset

    def seek_to_beginning(self, *places: TopicPartition) -> None:
        """Go on at the beginning."""
        for place in places:
            self.places[place] = self.topics[place.topic][place.partition][0]

    def position(self, place: TopicPartition) -> int | None:
        """Return what is read next."""
        return self.places[place]

    def highwater(self, place: TopicPartition) -> int | None:
        """Return one past the last offset."""
        return self.topics[place.topic][place.partition][1]

    def offsets_for_times(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """Return the first offsets at or after some times: an offset was written in its own millisecond."""
        found = {}
        for place, time in times.items():
            first, end = self.topics[place.topic][place.partition]
            found[place] = SimpleNamespace(offset=max(first, time)) if time < end else None
        return found

    def poll(self, timeout_ms: int = 0, max_records: int = 1) -> dict[TopicPartition, list[Any]]:
        """Return the next records."""
        del timeout_ms
        self._check()
        self.limits.append(max_records)
        polled = {}
        for place, position in self.places.items():
            assert position is not None
            last = min(self.topics[place.topic][place.partition][1], position + max_records)
            offsets = [offset for offset in range(position, last) if offset not in self.missing]
            self.places[place] = max(position, last)
            if offsets:
                polled[place] = [_consumed(place, offset, self.value(offset)) for offset in offsets]
        return polled

    def close(self, *, autocommit: bool = True) -> None:
        """Close it."""
        assert not autocommit
        self.closed = True
        self.closes += 1


def _consumed(place: TopicPartition, offset: int, value: bytes) -> SimpleNamespace:
    return SimpleNamespace(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=offset,
        key=None,
        value=value,
        headers=[("empty", None)],
    )
