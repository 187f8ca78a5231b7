"""Offsets and a group's state, as they are told to whoever asks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.config import KafkaSettings
from stream.kafka import offsets as module
from stream.kafka.errors import BrokerError
from stream.kafka.offsets import GroupState, GroupWatch, Offsets, member_ids
from tests.stream.kafka.logs import Logs


class Group(Logs):
    """Logs of which a group has committed something."""

    def committed(self, place: TopicPartition, *, metadata: bool, timeout_ms: int) -> Any:
        """Return what is committed of the first partition: offset 3, of a topic with an id."""
        assert metadata
        assert timeout_ms == module.OFFSETS_TIMEOUT_MS
        self._check()
        return None if place.partition else SimpleNamespace(offset=3, metadata=self.topic_id)

    topic_id = "its id"


def made() -> tuple[Group, Offsets]:
    """Return a client and what asks it."""
    client = Group(s_events={0: (2, 9), 1: (0, 0)})
    return client, Offsets(client, "s.events")  # type: ignore[arg-type]


def test_what_there_is_and_what_is_committed() -> None:
    """Of a partition; nothing is no offset."""
    client, offsets = made()
    assert [offsets.beginning(each) for each in (0, 1)] == [2, 0]
    assert [offsets.end(each) for each in (0, 1)] == [9, 0]
    assert [offsets.committed(each) for each in (0, 1)] == [3, None]
    offsets.close()
    assert client.closed


@pytest.mark.parametrize(
    ("of", "asked", "found"),
    [("its id", "its id", 3), ("its id", "another", None), ("its id", None, 3), ("", "another", 3)],
)
def test_what_was_committed_of_a_deleted_topic_is_not_this_ones(
    of: str, asked: str | None, found: int | None
) -> None:
    """Where both say which topic they mean."""
    client, offsets = made()
    client.topic_id = of
    assert offsets.committed(0, asked) == found


@pytest.mark.parametrize("ask", ["beginning", "end", "committed"])
def test_what_is_not_known_is_said(ask: str) -> None:
    """Where the broker refuses, or there is no such partition."""
    client, offsets = made()
    if ask != "committed":
        with pytest.raises(BrokerError, match=rf"The {ask} of .*partition=7.* is not known"):
            getattr(offsets, ask)(7)
    client.fails = True
    with pytest.raises(BrokerError, match=rf"The {ask}.* of .*partition=0.* is not known: .*no"):
        getattr(offsets, ask)(0)


class Admin:
    """What an administration client says of a group."""

    closed = fails = False
    error: str | None = None
    state = "Stable"

    def describe_topics(self, topics: list[str]) -> Any:
        """Return two partitions."""
        assert topics == ["s.events"]
        return [{"partitions": [{"partition_index": 0}, {"partition_index": 1}]}]

    def list_partition_offsets(self, places: Any, isolation_level: Any) -> Any:
        """Return their ends."""
        assert isolation_level.name == "READ_COMMITTED"
        return {place: SimpleNamespace(offset=10 + place.partition) for place in places}

    def describe_groups(self, groups: list[str]) -> Any:
        """Return two members, of which one has a name of its own."""
        if self.fails:
            raise KafkaError("no")
        members = [] if self.error else [(1, "one"), (2, None)]
        told = [{"member_id": f"m{number}", "group_instance_id": name} for number, name in members]
        return {groups[0]: {"members": told, "error": self.error, "group_state": self.state}}

    def list_group_offsets(self, groups: Any) -> Any:
        """Return what is committed of the first; of the second nothing ever was."""
        ((name, places),) = groups.items()
        return {name: dict(zip(places, [SimpleNamespace(offset=n) for n in (0, -1)], strict=True))}

    def close(self) -> None:
        """Close it."""
        self.closed = True


def test_the_state_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its members, where its partitions end, and what it has committed, 0 included."""
    client = Admin()
    monkeypatch.setattr(module, "admin", lambda _: client)
    watch = GroupWatch(KafkaSettings(), "group", "s.events")
    assert watch.state() == GroupState(2, {0: 10, 1: 11}, {0: 0}, frozenset({"one"}))
    client.fails = True
    with pytest.raises(BrokerError, match=r"does not say how group group does: .*no"):
        watch.state()
    watch.close()
    assert client.closed


def test_who_is_in_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal, which the client returns and does not raise, is no group without members."""
    client = Admin()
    monkeypatch.setattr(module, "admin", lambda _: client)
    assert member_ids(KafkaSettings(), "group") == {"m1", "m2"}
    client.error, client.state = "[Error 69] GroupIdNotFoundError", "Dead"
    assert member_ids(KafkaSettings(), "group") == frozenset()
    client.error, client.state = "[Error 14] CoordinatorLoadInProgressError", ""
    with pytest.raises(BrokerError, match=r"does not say who is in group group: .*LoadInProgress"):
        member_ids(KafkaSettings(), "group")
    with pytest.raises(BrokerError, match=r"does not say how group group does: .*LoadInProgress"):
        GroupWatch(KafkaSettings(), "group", "s.events").state()
