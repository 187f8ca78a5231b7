"""Topics of a stream: made, extended with the events, and followed."""

from __future__ import annotations

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.kafka import BrokerError, Tail, ensure_topics, partitions_of
from stream.records.schema import Record
from stream.records.topics import topic
from tests.stream.live import LiveStream, until

pytestmark = pytest.mark.kafka

WRITTEN = ("feedback", "predictions", "drift", "label-stats", "dlq")


def test_topics_get_as_many_partitions_as_the_events(kafka: str, stream_name: str) -> None:
    """All that have a partition for each of the events'; operations keep their one order."""
    live = LiveStream(kafka, stream_name)
    live.extend(3)
    assert ensure_topics(live.settings.kafka, stream_name) == 3
    counts = {kind: partitions_of(live.settings.kafka, topic(stream_name, kind)) for kind in WRITTEN}
    assert counts == dict.fromkeys(WRITTEN, 3)
    for kind in ("control", "triage"):
        assert partitions_of(live.settings.kafka, topic(stream_name, kind)) == 1


def test_topics_that_cannot_be_extended_are_named_together(
    kafka: str, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one message, with what each has and what to do."""
    live = LiveStream(kafka, stream_name)
    live.extend(2)

    def refuse(*arguments: object) -> None:
        del arguments
        raise KafkaError("not allowed")

    monkeypatch.setattr(KafkaAdminClient, "create_partitions", refuse)
    with pytest.raises(BrokerError, match="--partitions 2") as refused:
        ensure_topics(live.settings.kafka, stream_name)
    assert all(f"{stream_name}.{kind} (1)" in str(refused.value) for kind in WRITTEN)


def test_a_tail_follows_partitions_that_are_added(kafka: str, stream_name: str) -> None:
    """Whoever looks on sees what is written there, from its beginning, beside what it saw already."""
    live = LiveStream(kafka, stream_name)
    tail = Tail(live.settings.kafka, {topic(stream_name, "events"): None})
    seen: list[Record] = []

    def read(count: int) -> bool:
        seen.extend(tail.poll(0.1))
        return len(seen) == count

    try:
        live.fill([b"first"])
        until(lambda: read(1))
        live.extend(2)
        live.fill([b"second"], partition=1)
        until(lambda: read(2), patience_s=60.0)
    finally:
        tail.close()
    assert [record.value for record in seen] == [b"first", b"second"]
