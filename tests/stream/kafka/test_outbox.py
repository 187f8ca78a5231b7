"""What one partition's writer makes of a broker that refuses; the rest is tested with the worker."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from stream.kafka import Group, Outbox, UnwrittenError
from stream.records import Output
from tests.faults.exactly_once import settings_of
from tests.stream.live import LiveStream, until

if TYPE_CHECKING:
    from kafka import FutureRecordMetadata

pytestmark = pytest.mark.kafka


def write(live: LiveStream, value: bytes) -> None:
    """Write one prediction as a worker does."""
    settings = settings_of(live)
    group, outbox = Group(settings), Outbox(settings, 0)
    try:
        until(lambda: 0 in group.poll(10).gained)
        outbox.write([Output("predictions", None, value)], 1, group.membership())
    finally:
        outbox.close()
        group.close()


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client date what it sends two hours ahead, as on a machine whose clock is wrong."""
    send = KafkaProducer.send

    def dated(producer: KafkaProducer, topic: str, **record: Any) -> FutureRecordMetadata:
        return send(producer, topic, **record, timestamp_ms=int(1000 * (time.time() + 2 * 60 * 60)))

    monkeypatch.setattr(KafkaProducer, "send", dated)


@pytest.mark.usefixtures("ahead")
def test_a_clock_far_ahead_of_the_brokers_costs_nothing(kafka: str, stream_name: str) -> None:
    """The broker dates what is written."""
    live = LiveStream(kafka, stream_name)
    write(live, b"{}")
    (record,) = live.read("predictions")
    assert record.timestamp / 1000 < time.time() + 60


@pytest.mark.usefixtures("ahead")
def test_a_topic_that_the_broker_does_not_date_is_explained(kafka: str, stream_name: str) -> None:
    """A topic with the broker's default settings refuses such a clock: the error says what to do."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka)) as client:
        wanted = {"num_partitions": 1, "replication_factor": 1}
        client.create_topics({f"{stream_name}.predictions": wanted}, wait_for_metadata=True)
    live = LiveStream(kafka, stream_name)
    with pytest.raises(UnwrittenError, match=r"this machine's clock is not the broker's.*LogAppendTime"):
        write(live, b"{}")
    assert not live.read("predictions")
