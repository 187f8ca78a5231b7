"""What one partition's writer makes of a broker that refuses; the rest is tested with the worker."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from stream.config import Settings
from stream.kafka import Group, Outbox, UnwrittenError
from stream.records import Output
from tests.faults.exactly_once import settings_of
from tests.stream.live import LiveStream, until

if TYPE_CHECKING:
    from kafka import FutureRecordMetadata

    from stream.kafka import Membership

pytestmark = pytest.mark.kafka


def write(live: LiveStream, value: bytes) -> None:
    """Write one prediction as a worker does."""
    settings = settings_of(live)
    group = Group(settings)
    until(lambda: 0 in group.poll(10).gained)
    outbox = Outbox(settings, 0, group.is_member)
    try:
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


def test_who_was_fenced_in_the_middle_of_a_transaction_fences_nobody(kafka: str, stream_name: str) -> None:
    """What it sends is refused; it must not ask for a newer epoch, which ends the owner's transaction."""
    live = LiveStream(kafka, stream_name)
    settings = settings_of(live)
    group = Group(settings)
    until(lambda: 0 in group.poll(10).gained)
    outboxes = [Outbox(settings, 0, group.is_member)]
    try:
        former = begun(outboxes[0], live)
        outboxes.append(Outbox(settings, 0, group.is_member))
        owner = begun(outboxes[1], live)
        with pytest.raises(KafkaError):
            sent(former, live)
        time.sleep(0.3)  # As long as the library needs to ask for an epoch.
        sent(owner, live)
        owner.commit_transaction()
        outboxes[1].write([Output("predictions", None, b"{}")], 1, group.membership())
        assert group.committed(0) == 1
    finally:
        for outbox in outboxes:
            outbox.close()
        group.close()
    assert len(live.read("predictions")) == 3


def begun(outbox: Outbox, live: LiveStream) -> KafkaProducer:
    """Begin a transaction of which the broker has a record."""
    producer = outbox._producer
    assert producer is not None
    producer.begin_transaction()
    sent(producer, live)
    return producer


def sent(producer: KafkaProducer, live: LiveStream) -> None:
    """Send a record and wait until the broker has it."""
    producer.send(f"{live.settings.stream}.predictions", b"{}", partition=0).get(10)


class Aborting:
    """A producer that fails, as the library does, with a refused record all that it has not sent yet."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.sent: list[tuple[str, bytes]] = []
        self.committed: list[tuple[str, bytes]] = []

    def init_transactions(self) -> None:
        """Abort what is open."""

    def begin_transaction(self) -> None:
        """Begin with nothing."""
        self.sent = []

    def send(self, topic: str, value: object, **_: object) -> Aborting:
        """Take a record, whose fate `get` tells."""
        self.sent.append((topic, value if isinstance(value, bytes) else b""))
        return self

    def get(self, timeout: float) -> None:
        """Raise if anything that was sent is too large for its topic."""
        assert timeout > 0.0
        if any(len(value) > self.limits[topic] for topic, value in self.sent):
            raise MessageSizeTooLargeError

    def send_offsets_to_transaction(self, *_: object) -> None:
        """Take the offset."""

    def commit_transaction(self) -> None:
        """Keep what was sent."""
        self.committed += self.sent

    def close(self, timeout: float) -> None:
        """End."""
        assert timeout > 0.0


@pytest.mark.parametrize("refusing", ["dlq", "predictions"])
def test_only_what_its_topic_refuses_is_cut(refusing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else was in the transaction failed with it, and goes to its topic whole; however large it is."""
    settings = Settings(stream="s")
    other = {"dlq": "predictions", "predictions": "dlq"}[refusing]
    broker = Aborting({f"s.{refusing}": 2_000, f"s.{other}": 9_000})
    monkeypatch.setattr("stream.kafka.outbox.producer", lambda *_, **__: broker)
    outbox = Outbox(settings, 0, lambda: True)
    outputs = [Output(refusing, None, b"x" * 5_000), Output(other, None, b"y" * 8_000)]
    attempts, member = 0, cast("Membership", None)
    while not broker.committed:
        attempts += 1
        outbox.reopen()
        with contextlib.suppress(UnwrittenError):
            outbox.write(outputs, 1, member)
    assert attempts <= 4
    assert sorted(broker.committed) == sorted([("s.dlq", b""), (f"s.{other}", b"y" * 8_000)])
