"""A topic read between two marks, outside any group: for replays and for reading results back."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.config import KafkaSettings
from stream.kafka.clients import consumer, record
from stream.kafka.errors import BrokerError, answer
from stream.records import Record

Mark = int | datetime.datetime | None
"""Where reading begins or ends: an offset, a time stamp, or the topic's own end."""

READ_TIMEOUT_S = 30.0
"""Seconds without records after which a broker that should have more has failed."""
_AGAIN = "Try again once the broker answers."


class History:
    """The records that a topic holds now between two marks; later ones are not waited for.

    Parameters
    ----------
    settings
        The broker.
    topic
        The topic.
    since, until
        First record, and one past the last: offsets (of every partition), time stamps, or None (the
        defaults) for all there is.
    whole
        Whether deleted records between the marks are an error; otherwise (the default) the remaining ones are
        read.

    Raises
    ------
    BrokerError
        When there is no such topic, or the broker does not say.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        since: Mark = None,
        until: Mark = None,
        *,
        whole: bool = False,
    ) -> None:
        self.topic = topic
        reset = "none" if whole else "earliest"
        self._consumer = consumer(settings, allow_auto_create_topics=False, auto_offset_reset=reset)
        try:
            self.ranges = self._ranges(since, until, whole=whole)
        except KafkaError as error:
            self.close()
            raise BrokerError(
                f"The broker does not say what {topic} holds: {answer(error)}. {_AGAIN}"
            ) from error
        if not self.ranges:
            self.close()
            raise BrokerError(
                f"There is no topic {topic} at {settings.bootstrap_servers}. Name one that exists."
            )

    def _ranges(self, since: Mark, until: Mark, *, whole: bool) -> dict[int, tuple[int, int]]:
        partitions = self._consumer.partitions_for_topic(self.topic) or ()
        if not partitions:
            return {}
        places = [TopicPartition(self.topic, partition) for partition in sorted(partitions)]
        first, last = self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        begin = first if since is None else self._offsets(places, since, last)
        end = last if until is None else self._offsets(places, until, last)
        return {
            place.partition: (
                begin[place] if whole else max(first[place], begin[place]),
                min(last[place], end[place]),
            )
            for place in places
        }

    def __len__(self) -> int:
        """Return the number of offsets between the marks: an upper bound, as transaction markers count."""
        return sum(max(0, end - begin) for begin, end in self.ranges.values())

    def keep_latest(self, most: int) -> int:
        """Leave out earlier offsets where there are more than so many, in each partition the same share.

        Return how many are left out.
        """
        before = len(self)
        share = most / max(most, before)
        self.ranges = {
            partition: (max(begin, end - int(share * (end - begin))), end)
            for partition, (begin, end) in self.ranges.items()
        }
        return before - len(self)

    def batches(self, partition: int, limit: int = 1_000) -> Iterator[list[Record]]:
        """Read one partition's records in offset order, up to `limit` at a time.

        Raises
        ------
        BrokerError
            When the broker refuses, sends nothing for long, or has deleted what was requested.
        """
        place, (begin, end) = TopicPartition(self.topic, partition), self.ranges[partition]
        self._consumer.assign([place])
        self._consumer.seek(place, begin)
        quiet_since = time.monotonic()
        while (self._consumer.position(place) or 0) < end:
            try:
                consumed = self._consumer.poll(timeout_ms=100, max_records=limit).get(place, [])
            except KafkaError as error:
                raise BrokerError(
                    f"{self.topic} partition {partition} cannot be read: {answer(error)}."
                ) from error
            if consumed:
                quiet_since = time.monotonic()
                batch = [record(one) for one in consumed if one.offset < end]
                if batch:
                    yield batch
            elif time.monotonic() - quiet_since > READ_TIMEOUT_S:
                raise BrokerError(
                    f"{self.topic} partition {partition} brought nothing for {READ_TIMEOUT_S:.0f} s. {_AGAIN}"
                )

    def records(self) -> Iterator[Record]:
        """Read everything, partition by partition."""
        for partition in sorted(self.ranges):
            for batch in self.batches(partition):
                yield from batch

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False)

    def _offsets(
        self, places: list[TopicPartition], mark: int | datetime.datetime, last: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        if isinstance(mark, int):
            return dict.fromkeys(places, mark)
        milliseconds = round(mark.timestamp() * 1000)
        found = self._consumer.offsets_for_times(dict.fromkeys(places, milliseconds))
        # A partition without a record at or after the time stamp begins, and ends, at its end.
        return {place: last[place] if (one := found.get(place)) is None else one.offset for place in places}
