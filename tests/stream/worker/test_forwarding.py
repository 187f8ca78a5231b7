"""The forwarding of feedback and operations: what the broker says when is decided by the test."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import pytest

from stream.config.settings import Settings
from stream.kafka.group import NOTHING, Polled
from stream.records import Output
from stream.records.schema import Record
from stream.worker import forwarding
from stream.worker.ending import Ending
from stream.worker.forwarding import Forwarder


class Broker:
    """A group on a topic with one partition."""

    topic = "s.feedback"

    def __init__(self) -> None:
        self.topic_id = self.present = "first"
        self.stored = [b"a", b"b", b"c"]
        self.committed_offset: int | None = None
        self.committed_of: str | None = None
        self.position = 0
        self.changes: collections.deque[Polled] = collections.deque([Polled({}, [0], (), ())])
        self.written: list[bytes | None] = []

    def poll(self, limit: int) -> Polled:
        """Return a change of the assignment, or else what is stored from the position on."""
        if self.changes:
            return self.changes.popleft()
        found = self.stored[self.position : self.position + limit]
        records = [
            Record("s.feedback", 0, offset, 0, None, value)
            for offset, value in enumerate(found, start=self.position)
        ]
        self.position += len(records)
        return Polled({0: records}, (), (), ()) if records else NOTHING

    def read_from(self, partition: int, offset: int) -> None:
        """Set the position."""
        self.position = offset

    def committed(self, partition: int, topic_id: str | None) -> int | None:
        """Return what was committed for the topic; it may be unknown for which it was."""
        return self.committed_offset if self.committed_of in (None, topic_id) else None

    def membership(self) -> None:
        """Return nothing: the outbox does not ask."""

    def is_member(self) -> bool:
        """Return that the partition is still this member's."""
        return True

    def hold(self, partition: int) -> None:
        """Do nothing: the next turn goes back."""

    def close(self) -> None:
        """Do nothing."""


class Box:
    """Writes and commits, with the topic's id that it was opened with."""

    def __init__(self, broker: Broker, topic_id: str | None) -> None:
        self._broker, self._topic_id = broker, topic_id

    def write(self, outputs: Sequence[Output], next_offset: int, membership: None) -> None:
        """Write and commit."""
        self._broker.written += [output.value for output in outputs]
        self._broker.committed_offset, self._broker.committed_of = next_offset, self._topic_id

    def close(self) -> None:
        """Do nothing."""


class Watch:
    """Asks for the id that the topic has, which the client knows after the first question."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def topic_id(self) -> str:
        """Return it."""
        self._broker.topic_id = self._broker.present
        return self._broker.present

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """Return the one that is used instead of the real one."""
    broker = Broker()
    monkeypatch.setattr(forwarding, "Group", lambda settings, kind: broker)
    monkeypatch.setattr(
        forwarding, "Outbox", lambda settings, partition, is_member, kind, topic_id: Box(broker, topic_id)
    )
    monkeypatch.setattr(forwarding, "TopicWatch", lambda settings, name: Watch(broker))
    return broker


@pytest.mark.parametrize("known", [True, False])
def test_a_topic_made_anew_is_read_from_its_beginning_though_the_broker_still_has_the_old_offset(
    known: bool, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record once, also where some are fetched before the client knows that they are of another topic.

    The broker forgets the offsets of a deleted topic some time after the topic is there again.
    """
    monkeypatch.setattr(forwarding, "RETRY_S", 0.0)
    forwarder = Forwarder(Settings(stream="s"), Ending(Settings()))
    turns = iter(range(100))
    while broker.written != [b"a", b"b", b"c"]:
        forwarder._turn()
        assert next(turns) < 10
    broker.present, broker.stored = "second", [b"d", b"e", b"f", b"g", b"h"]
    if known:
        broker.topic_id = broker.present
    for _ in range(6):
        forwarder._turn()
    assert broker.written == [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"]
    assert broker.committed_offset == 5


def test_a_partition_that_is_gained_goes_on_at_the_committed_offset(broker: Broker) -> None:
    """Whatever position the client is at."""
    broker.committed_offset, broker.position = 2, 0
    forwarder = Forwarder(Settings(stream="s"), Ending(Settings()))
    for _ in range(3):
        forwarder._turn()
    assert broker.written == [b"c"]
