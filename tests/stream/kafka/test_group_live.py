"""The group on a real broker: what it says of partitions that come and go, and what it gives of them."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaConnectionError
from kafka.structs import MemberState

from stream.kafka import FencedError, Group, Outbox, Polled
from tests.faults.exactly_once import settings_of
from tests.stream.live import LiveStream, until
from tests.stream.standins import event

pytestmark = pytest.mark.kafka


def test_joining_is_not_forgotten(kafka: str, stream_name: str) -> None:
    """The library may be in the middle of joining and not know it any more: then it would never end."""
    group = Group(settings_of(LiveStream(kafka, stream_name)))
    try:
        until(lambda: 0 in group.poll(10).gained)
        until(lambda: group.poll(10) is not None and group.joined)
        group._consumer._coordinator.state = MemberState.REBALANCING
        until(lambda: group.poll(10) is not None and group.joined)
    finally:
        group.close()


def test_who_was_thrown_out_of_the_group_learns_it(kafka: str, stream_name: str) -> None:
    """A worker that tried again would fence whoever has the partition now, and be refused all the same."""
    settings = settings_of(LiveStream(kafka, stream_name))
    group = Group(settings)
    until(lambda: 0 in group.poll(10).gained)
    outbox = Outbox(settings, 0, group.is_member)
    try:
        with pytest.raises(FencedError, match="no member of the group any more"):
            outbox.write([], 1, group.membership()._replace(member_id="one that left"))
        assert group.committed(0) is None
    finally:
        outbox.close()
        group.close()


def test_who_was_removed_from_the_group_takes_nothing_from_whoever_follows(
    kafka: str, stream_name: str
) -> None:
    """Before it has heard of that it fences nobody, and afterwards it joins without a claim."""
    settings = settings_of(LiveStream(kafka, stream_name))
    removed, owner = Group(settings), Group(settings)
    until(lambda: 0 in removed.poll(10).gained)
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka)) as client:
        id_ = removed.membership().member_id
        client.remove_group_members(settings.group, [MemberToRemove(id_)])
    until(lambda: 0 in owner.poll(10).gained)
    outbox = Outbox(settings, 0, owner.is_member)
    try:
        with pytest.raises(FencedError, match="no member of the group any more"):
            Outbox(settings, 0, removed.is_member)
        outbox.write([], 1, owner.membership())
        until(lambda: 0 in removed.poll(10).lost)
        assert not removed.is_member()
        while not (removed.joined and owner.joined):
            removed.poll(10)
            assert not owner.poll(10).released
        outbox.write([], 2, owner.membership())
    finally:
        outbox.close()
        owner.close()
        removed.close()


def test_who_hears_as_it_joins_that_it_was_removed_loses_what_it_had(kafka: str, stream_name: str) -> None:
    """A rebalance may have begun meanwhile; it kept the partition without a word, under another name."""
    settings = settings_of(LiveStream(kafka, stream_name))
    group = Group(settings)
    try:
        until(lambda: 0 in group.poll(10).gained)
        until(lambda: group.poll(10) is not None and group.joined)
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka)) as client:
            client.remove_group_members(settings.group, [MemberToRemove(group.membership().member_id)])
        group._consumer._coordinator.request_rejoin()
        told: list[Polled] = []

        def gained() -> bool:
            told.append(group.poll(10))
            return 0 in told[-1].gained

        until(gained, 30.0)
        assert [list(each.lost) for each in told if each.lost] == [[0]]
        assert group.is_member()
    finally:
        group.close()


def test_a_partition_that_went_since_the_last_poll_is_nobodys_error(kafka: str, stream_name: str) -> None:
    """It can go at any moment, in the middle of a batch too: the next poll tells, and nothing else does."""
    group = Group(settings_of(LiveStream(kafka, stream_name)))
    try:
        group.hold(0)
        group.go_on(0)
        assert group.lag(0, 0) is None
    finally:
        group.close()


@pytest.mark.parametrize("where", ["joining", "reading"])
def test_what_waiting_mends_is_waited_for(
    kafka: str, stream_name: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The library raises when the broker goes at a bad moment; that must not end a worker."""
    group = Group(settings_of(LiveStream(kafka, stream_name)))
    broken = group._consumer._coordinator if where == "joining" else group._consumer

    def refused(*_: object, **__: object) -> None:
        raise KafkaConnectionError("connection refused")

    try:
        if where == "reading":
            until(lambda: 0 in group.poll(10).gained)
        with monkeypatch.context() as patch:
            patch.setattr(broken, "poll", refused)
            for _ in range(5):
                assert group.poll(10) == Polled({}, (), (), ())
        if where == "joining":
            until(lambda: 0 in group.poll(10).gained)
        live = LiveStream(kafka, stream_name)
        live.fill([event(0)])
        group.read_from(0, 0)
        until(lambda: len(group.poll(10).records.get(0, [])) == 1)
    finally:
        group.close()


def test_what_was_fetched_before_a_pause_comes_after_it(kafka: str, stream_name: str) -> None:
    """The library parks it, and once it had parked it, it fetched nothing more where nothing else came."""
    live = LiveStream(kafka, stream_name, partitions=2)
    live.fill([event(number) for number in range(40)])
    ends = Counter(record.partition for record in live.read("events"))
    group = Group(settings_of(live))
    came: dict[int, list[int]] = {0: [], 1: []}

    def read(limit: int) -> bool:
        for partition, records in group.poll(limit).records.items():
            came[partition] += [record.offset for record in records]
        return bool(came[0] or came[1])

    try:
        until(lambda: sorted(group.poll(1).gained) == [0, 1])
        for partition in (0, 1):
            group.read_from(partition, 0)
        until(lambda: read(3))
        (first,) = [partition for partition, offsets in came.items() if offsets]
        group.hold(first)
        until(lambda: read(100) and len(came[1 - first]) == ends[1 - first])
        group.hold(1 - first)
        group.go_on(first)
        until(lambda: read(100) and len(came[first]) == ends[first])
        assert came[first] == list(range(ends[first]))
    finally:
        group.close()


def test_a_partition_that_is_gone_may_be_asked_for(kafka: str, stream_name: str) -> None:
    """It can go on another thread at any moment, also when it has just been restored; the next poll tells."""
    live = LiveStream(kafka, stream_name)
    group = Group(settings_of(live))
    try:
        until(lambda: 0 in group.poll(10).gained)
        for partition in (0, 1):
            group.read_from(partition, 0)
            group.hold(partition)
            group.go_on(partition)
            group.lag(partition, 0)
    finally:
        group.close()
