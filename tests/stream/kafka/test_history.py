"""A topic between two marks: what is read of it, and what is not waited for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stream.config import KafkaSettings
from stream.kafka import history as module
from stream.kafka.errors import BrokerError
from stream.kafka.history import History, Mark
from tests.stream.kafka.logs import Logs

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    """Return the logs that a history reads."""
    made = Logs(s_events={1: (0, 5), 0: (10, 30)}, s_empty={0: (7, 7)})
    monkeypatch.setattr(module, "consumer", lambda *_, **__: made)
    return made


def at(milliseconds: int) -> datetime:
    """Return the time at which an offset was written."""
    return BEGIN.replace(microsecond=1000 * milliseconds)


@pytest.mark.parametrize(
    ("since", "until", "ranges"),
    [
        (None, None, {0: (10, 30), 1: (0, 5)}),
        (12, 20, {0: (12, 20), 1: (12, 5)}),
        (3, 40, {0: (10, 30), 1: (3, 5)}),
        (at(4), at(12), {0: (10, 12), 1: (4, 5)}),
        (at(20), None, {0: (20, 30), 1: (5, 5)}),
        (None, at(50), {0: (10, 30), 1: (0, 5)}),
    ],
)
def test_marks_are_offsets_or_times(
    logs: Logs, since: Mark, until: Mark, ranges: dict[int, tuple[int, int]]
) -> None:
    """Of every partition; what is deleted or not yet there is left out."""
    history = History(KafkaSettings(), "s.events", since, until)
    assert history.ranges == ranges
    expected = [(part, offset) for part, (begin, end) in ranges.items() for offset in range(begin, end)]
    assert len(history) == len(expected)
    assert [(each.partition, each.offset) for each in history.records()] == expected
    history.close()
    assert logs.closed


@pytest.mark.parametrize(
    ("most", "ranges"),
    [
        (25, {0: (10, 30), 1: (0, 5)}),
        (100, {0: (10, 30), 1: (0, 5)}),
        (10, {0: (22, 30), 1: (3, 5)}),
        (1, {0: (30, 30), 1: (5, 5)}),
    ],
)
@pytest.mark.usefixtures("logs")
def test_the_latest_of_each_partition_are_kept(most: int, ranges: dict[int, tuple[int, int]]) -> None:
    """Not more than wanted in all, and the same share of each."""
    history = History(KafkaSettings(), "s.events")
    assert history.keep_latest(most) == 25 - len(history)
    assert history.ranges == ranges


def test_records_come_in_batches(logs: Logs) -> None:
    """Of so many; marks of transactions bring none; headers without a value have an empty one."""
    logs.missing = {13, 14, 15, 29}
    history = History(KafkaSettings(), "s.events", 11, 29)
    batches = list(history.batches(0, limit=3))
    assert [[each.offset for each in batch] for batch in batches] == [
        [11, 12], [16], [17, 18, 19], [20, 21, 22], [23, 24, 25], [26, 27, 28]
    ]  # fmt: skip
    assert logs.limits[-1] == 3
    assert batches[0][0].headers == (("empty", b""),)
    assert list(History(KafkaSettings(), "s.empty").records()) == []


def test_deleted_records_are_asked_for_where_all_are_needed(logs: Logs) -> None:
    """The broker then refuses; without, the rest is read."""
    assert History(KafkaSettings(), "s.events", 3).ranges[0] == (10, 30)
    assert History(KafkaSettings(), "s.events", 3, whole=True).ranges[0] == (3, 30)


def test_a_topic_that_is_missing_is_said(logs: Logs) -> None:
    """And the connection closed."""
    with pytest.raises(BrokerError, match=r"There is no topic s\.none at"):
        History(KafkaSettings(), "s.none")
    assert logs.closed


def test_a_broker_that_refuses_or_brings_nothing_is_blamed(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before reading, while reading, and after some time without a record."""
    history = History(KafkaSettings(), "s.events")
    reading = history.batches(0, 1)
    assert [each.offset for each in next(reading)] == [10]
    logs.fails = True
    with pytest.raises(BrokerError, match=r"s\.events partition 0 cannot be read: .*no"):
        next(reading)
    with pytest.raises(BrokerError, match=r"does not say what s\.events holds: .*no\. Try again once"):
        History(KafkaSettings(), "s.events")
    assert logs.closed
    logs.fails = False
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("stream.kafka.history.time.monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(logs, "poll", lambda **_: {})
    with pytest.raises(BrokerError, match=r"brought nothing for 30 s\. Try again once the"):
        next(history.batches(0))
    assert next(clock) == 50
