"""A partition that goes while it is spoken of: what the client raises then, and what passes as a mistake."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import SubscriptionState
from kafka.errors import (
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from stream.kafka.group import NOTHING, TROUBLE_S, Group, _Changes

OURS, GONE = 0, 1


class Assigned(SubscriptionState):
    """The client's own table of what is assigned; it may take a partition away just behind a check."""

    vanishing = False

    def assigned_partitions(self) -> set[TopicPartition]:
        """Return what is assigned, and take all of it away afterwards."""
        found = set(self.assignment)
        self._take_away()
        return found

    def is_assigned(self, partition: TopicPartition) -> bool:
        """Return whether it is assigned, and take all partitions away afterwards."""
        found = partition in self.assignment
        self._take_away()
        return found

    def _take_away(self) -> None:
        if self.vanishing:
            self.assignment.clear()


class Fetcher:
    """Raises what it is given."""

    def __init__(self, reading: Exception | None = None, sending: Exception | None = None) -> None:
        self._reading, self._sending = reading, sending

    def fetched_records(self, limit: int) -> tuple[dict[TopicPartition, list[object]], bool]:
        """Bring nothing."""
        del limit
        if self._reading is not None:
            raise self._reading
        return {}, False

    def send_fetches(self) -> None:
        """Ask for nothing."""
        if self._sending is not None:
            raise self._sending


class Client(KafkaConsumer):
    """The library's consumer, without a connection."""

    _subscription: Assigned

    def __init__(self, fetcher: Fetcher | None = None) -> None:
        self._subscription = Assigned()
        self._subscription.assign_from_user([TopicPartition("s.events", OURS)])
        self._fetcher = cast(Any, fetcher or Fetcher())
        claimed = SimpleNamespace(member_assignment=[TopicPartition("s.events", OURS)])
        self._coordinator = cast(Any, SimpleNamespace(_assignors={"sticky": claimed}))


def group(client: Client) -> Group:
    """Return a group with a client of ours."""
    made = Group.__new__(Group)
    made.topic, made._consumer, made._joining = "s.events", client, None
    made._retry_at, made._trouble = 0.0, ("", -math.inf)
    made._changes = _Changes(client)
    return made


CALLS: dict[str, Callable[[Group, int], object]] = {
    "read_from": lambda group, partition: group.read_from(partition, 7),
    "hold": lambda group, partition: group.hold(partition),
    "go_on": lambda group, partition: group.go_on(partition),
    "lag": lambda group, partition: group.lag(partition, 7),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_partition_that_went_is_passed_over(call: Callable[[Group, int], object]) -> None:
    """The next poll tells; until then it is as if nothing had been asked."""
    assert call(group(Client()), GONE) is None


@pytest.mark.parametrize("name", ["read_from", "lag"])
def test_so_is_one_that_goes_behind_the_clients_check(name: str) -> None:
    """Its own check finds the partition, and its look-up does not."""
    client = Client()
    client._subscription.vanishing = True
    assert CALLS[name](group(client), OURS) is None
    assert not client.assignment()


def test_the_client_raises_what_is_written_beside_each_call() -> None:
    """Another version that raises something else is noticed here and not in a worker."""
    client, gone = Client(), TopicPartition("s.events", GONE)
    with pytest.raises(ValueError, match="Unassigned partition"):
        client.seek(gone, 7)
    with pytest.raises(KeyError):
        client.pause(gone)
    with pytest.raises(KeyError):
        client.resume(gone)
    with pytest.raises(IllegalStateError, match="not assigned"):
        client.highwater(gone)


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, ValueError, KeyError, IllegalStateError])
def test_an_error_about_a_partition_that_is_ours_is_raised(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, it is no matter of a partition that went."""

    def fail(*arguments: object) -> None:
        raise error("something else")

    for name in ("seek", "pause", "resume", "highwater"):
        monkeypatch.setattr(Client, name, fail)
    for call in CALLS.values():
        with pytest.raises(error, match="something else"):
            call(group(Client()), OURS)


def test_an_offset_that_is_none_is_raised() -> None:
    """The client says ValueError of it too."""
    with pytest.raises(ValueError, match="Offset must be"):
        group(Client()).read_from(OURS, -1)


@pytest.mark.parametrize("error", [KeyError, IllegalStateError])
def test_records_are_read_on_while_a_partition_goes(error: type[Exception]) -> None:
    """While the group settles, a look at a partition that has just gone costs this poll's records only."""
    assert group(Client(Fetcher(error("gone"))))._kept(10).records == {}


@pytest.mark.parametrize("error", [TopicAuthorizationFailedError, KafkaConnectionError, KafkaError])
def test_a_broker_that_refuses_is_waited_for(
    error: type[KafkaError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it lacks: it is asked again after a second, and until then the trouble is known."""
    now, asked = 100.0, []

    def refuse() -> bool:
        asked.append(now)
        raise error("s.events")

    ours = group(Client())
    monkeypatch.setattr(ours, "_unpark", lambda: None)
    monkeypatch.setattr(ours, "_settled", refuse)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in range(24):
        assert ours.poll(10) == NOTHING
        assert ours.trouble is not None
        assert "s.events cannot be read" in ours.trouble
        now += 0.125
    assert asked == pytest.approx([100.0, 101.0, 102.0])
    now += TROUBLE_S
    assert ours.trouble is None


@pytest.mark.parametrize("fetcher", [Fetcher(RuntimeError("shut")), Fetcher(sending=RuntimeError("shut"))])
def test_anything_else_ends_the_poll(fetcher: Fetcher) -> None:
    """A client that is closed is no partition that went."""
    with pytest.raises(RuntimeError, match="shut"):
        group(Client(fetcher))._kept(10)


@pytest.mark.parametrize(("settled", "lag"), [(True, 0), (False, 1)])
def test_control_records_are_no_lag_once_all_before_them_is_done(
    settled: bool, lag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transactional producer's last record is at 6, and its marker at 7; nothing comes any more."""
    client, place = Client(), TopicPartition("s.events", OURS)
    monkeypatch.setattr(Client, "highwater", lambda self, place: 8)
    client.seek(place, 8)
    assert group(client).lag(OURS, 7, settled=settled) == lag


def test_a_partition_that_was_held_has_its_turn_while_another_has_a_backlog() -> None:
    """The library gives parked records back only when it has none at hand; under a backlog it always has."""
    held, busy = TopicPartition("s.events", GONE), TopicPartition("s.events", OURS)
    fetcher = SimpleNamespace(
        _next_partition_records=SimpleNamespace(topic_partition=busy),
        _paused_partition_records={held: SimpleNamespace(topic_partition=held)},
    )
    client = Client(cast(Any, fetcher))
    client._subscription.assign_from_user([held, busy])
    client.pause(held)
    group(client)._unpark()
    assert fetcher._next_partition_records.topic_partition == busy
    client.resume(held)
    turns = []
    for _ in range(4):
        group(client)._unpark()
        turns.append(fetcher._next_partition_records.topic_partition)
    assert turns == [held, busy, held, busy]


def test_of_what_one_poll_assigns_and_takes_away_the_later_counts() -> None:
    """A partition that is given up at once was never ours; what was not given up stays assigned."""
    changes = _Changes(Client())
    first, second, third = (TopicPartition("s.events", number) for number in range(3))
    changes.on_partitions_assigned({third, second, first})
    changes.on_partitions_revoked([second])
    changes.on_partitions_lost([third])
    assert changes.any()
    assert changes.take() == ([0], [1], [2])
    assert not changes.any()
    assert changes.take() == ([], [], [])


def test_what_is_lost_is_not_claimed_on_joining_again() -> None:
    """Another member has it by then, and would have to give it up; what is handed over is still known."""
    client = Client()
    changes, assignors = _Changes(client), client._coordinator._assignors
    changes.on_partitions_revoked([TopicPartition("s.events", OURS)])
    assert assignors["sticky"].member_assignment is not None
    changes.on_partitions_lost([TopicPartition("s.events", OURS)])
    assert assignors["sticky"].member_assignment is None


def test_what_is_lost_is_told_while_the_group_settles() -> None:
    """The group may take minutes to, and others have long had it."""
    ours = group(Client())
    ours._member_id = "before"
    ours._consumer.group_metadata = lambda: cast(Any, SimpleNamespace(generation_id=-1))  # type: ignore[method-assign]
    ours._changes.on_partitions_lost([TopicPartition("s.events", OURS)])
    assert ours._kept(10).lost == [OURS]
    assert ours._member_id == "before"


def consumed(offset: int, partition: int = OURS) -> Any:
    """Return a record as the client returns it."""
    where = {"topic": "s.events", "partition": partition, "offset": offset, "timestamp": 0}
    return SimpleNamespace(**where, key=None, value=None, headers=[])


@pytest.mark.parametrize(
    ("fresh", "limit", "offsets"),
    [
        ({TopicPartition("s.events", OURS): [consumed(1)]}, 9, {OURS: [0, 1]}),
        ({TopicPartition("s.events", GONE): [consumed(5, GONE)]}, 9, {OURS: [0], GONE: [5]}),
        ({}, 9, {OURS: [0]}),
        (KafkaError("refused"), 9, {OURS: [0]}),
        (KeyError("gone"), 9, {OURS: [0]}),
        (AssertionError("more than is wanted"), 1, {OURS: [0]}),
    ],
)
def test_a_poll_brings_what_came_since_its_records_were_fetched(
    fresh: Any, limit: int, offsets: dict[int, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order behind them; and none is lost where that fails, for the client has moved on from them."""
    client = Client()
    ours = group(client)

    def fetch(room: int, timeout_ms: int) -> Any:
        assert room == limit - 1
        assert timeout_ms < 10
        if isinstance(fresh, Exception):
            raise fresh
        return fresh, False

    client._fetcher = cast(Any, SimpleNamespace(fetch_records=fetch))
    monkeypatch.setattr(ours, "_unpark", lambda: None)
    monkeypatch.setattr(ours, "_settled", lambda: True)
    first = {TopicPartition("s.events", OURS): [consumed(0)]}
    monkeypatch.setattr(Client, "poll", lambda self, timeout_ms, max_records: first)
    read = ours.poll(limit).records
    assert {partition: [one.offset for one in records] for partition, records in read.items()} == offsets


def test_what_is_unread_is_counted_from_where_the_client_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all partitions; one that went, or of which nothing is known yet, has nothing."""
    client, place = Client(), TopicPartition("s.events", OURS)
    client.seek(place, 30)
    for end, unread in ((1_030, 1_000), (None, 0)):
        ends = {OURS: end}
        monkeypatch.setattr(Client, "highwater", lambda self, place, ends=ends: ends[place.partition])
        assert group(client).unread([OURS, GONE]) == unread
