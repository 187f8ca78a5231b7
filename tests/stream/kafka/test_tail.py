"""Topics followed from near their ends: where reading begins, what is new, and how much is left."""

from __future__ import annotations

from typing import Any

import pytest

from stream.config import KafkaSettings
from stream.kafka import clients
from stream.kafka import tail as module
from stream.kafka.errors import BrokerError
from stream.kafka.tail import Tail
from tests.stream.kafka.logs import Logs


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    """Return the logs that a tail reads."""
    made = Logs(s_events={0: (10, 100), 1: (0, 5)}, s_lessons={0: (0, 3)}, s_empty={0: (7, 7)})
    monkeypatch.setattr(module, "consumer", lambda *_, **__: made)
    return made


def read(tail: Tail, limit: int = 2000) -> list[tuple[str, int, int]]:
    """Return what is new."""
    return [(each.topic, each.partition, each.offset) for each in tail.poll(0.0, limit)]


def test_reading_begins_so_many_offsets_before_the_end(logs: Logs) -> None:
    """On each partition, or at its first; None reads all that there is."""
    tail = Tail(KafkaSettings(), {"s.events": 3, "s.lessons": None})
    assert not tail.caught_up
    events = [("s.events", 0, 97), ("s.events", 0, 98), ("s.events", 0, 99)]
    others = [("s.events", 1, offset) for offset in (2, 3, 4)]
    assert read(tail) == [*events, *others, *(("s.lessons", 0, offset) for offset in range(3))]
    assert tail.caught_up
    assert len(read(Tail(KafkaSettings(), {"s.events": 50}))) == 50 + 5
    assert len(read(Tail(KafkaSettings(), {"s.events": 0}))) == 0
    assert logs.limits[-1] == 2000
    logs.closed = False
    tail.close()
    assert logs.closed


def test_records_that_came_later_are_no_arrears(logs: Logs) -> None:
    """Whether all was read that existed at the start, not whether there is more."""
    tail = Tail(KafkaSettings(), {"s.lessons": 2})
    logs.topics["s.lessons"][0] = (0, 9)
    assert read(tail, 1) == [("s.lessons", 0, 1)]
    assert not tail.caught_up
    assert (tail.position("s.lessons"), tail.lag("s.lessons")) == (2, 7)
    assert read(tail, 1) == [("s.lessons", 0, 2)]
    assert tail.caught_up
    assert Tail(KafkaSettings(), {"s.empty": None}).caught_up


def test_where_it_is_and_what_there_is(logs: Logs) -> None:
    """The next offset, the first, the ends of all partitions; nothing read yet is 0."""
    tail = Tail(KafkaSettings(), {"s.lessons": None})
    assert (tail.position("s.lessons"), tail.lag("s.lessons")) == (0, 3)
    tail.seek("s.lessons", 2)
    assert (tail.position("s.lessons"), tail.lag("s.lessons")) == (2, 1)
    tail.seek("s.lessons", 8)
    assert tail.lag("s.lessons") == 0
    (place,) = logs.places
    logs.places[place] = None
    assert tail.position("s.lessons") == 0
    assert not tail.caught_up
    assert tail.beginning("s.empty") == 7
    assert tail.ends("s.events") == {0: 100, 1: 5}
    assert tail.ends("s.none") == {}
    assert logs.partitions_for_topic("s.none") is None


def test_an_unknown_end_is_no_lag(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, and not a number."""
    tail = Tail(KafkaSettings(), {"s.lessons": None})
    monkeypatch.setattr(logs, "highwater", lambda _: None)
    assert tail.lag("s.lessons") is None


def test_partitions_that_are_added_are_read_from_their_beginning(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a topic that is followed at once; a topic that was missing is looked for now and then."""
    now = 100.0
    monkeypatch.setattr("stream.kafka.tail.time.monotonic", lambda: now)
    tail = Tail(KafkaSettings(), {"s.lessons": 0, "s.late": None}, optional=["s.late"])
    assert read(tail) == []
    logs.topics["s.lessons"][1] = (4, 6)
    logs.topics["s.late"] = {0: (1, 2)}
    assert read(tail) == [("s.lessons", 1, 4), ("s.lessons", 1, 5)]
    now += clients.METADATA_S
    assert read(tail) == []
    now += 0.1
    assert read(tail) == [("s.late", 0, 1)]
    assert read(tail) == []


def test_a_topic_that_is_missing_is_said(logs: Logs) -> None:
    """With what to do; the connection is closed."""
    with pytest.raises(BrokerError, match=r"There is no topic s\.none at .*ithaca run"):
        Tail(KafkaSettings(), {"s.events": None, "s.none": None}, optional=["s.other"])
    assert logs.closed


@pytest.mark.parametrize(
    "ask",
    [
        lambda tail: tail.poll(0.0),
        lambda tail: tail.beginning("s.events"),
        lambda tail: tail.ends("s.events"),
        lambda _: Tail(KafkaSettings(), {"s.events": None}),
    ],
)
def test_a_broker_that_refuses_is_blamed(logs: Logs, ask: Any) -> None:
    """Whatever it is asked."""
    tail = Tail(KafkaSettings(), {"s.events": None})
    logs.fails = True
    with pytest.raises(BrokerError, match="does not answer"):
        ask(tail)
