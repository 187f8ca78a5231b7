"""F4: workers that come and go, partitions that stay, and partitions that take long to come back."""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError
from kafka.structs import MemberState

from stream.config.settings import Settings
from stream.kafka import FencedError, Group, Outbox, Polled
from stream.kafka.clients import consumer
from stream.pipeline import factory as assembly
from stream.pipeline.task import Outcome, Task
from stream.records.schema import Record
from stream.records.topics import topic
from stream.telemetry.collector import Telemetry
from stream.worker.worker import Worker
from tests.faults.exactly_once import Progress, check_as_if_uninterrupted, settings_of
from tests.stream.live import LiveStream, on_a_thread, until
from tests.stream.standins import event

pytestmark = pytest.mark.kafka

Process = Callable[[Task, Sequence[Record]], None]


@contextmanager
def working(settings: Settings, before: Process = lambda task, records: None) -> Iterator[Telemetry]:
    """Run a worker inside the block that does something before every batch."""

    class Watched(Task):
        def process(self, records: Sequence[Record]) -> Outcome:
            before(self, records)
            return super().process(records)

    def make(live_from: int) -> Task:
        return assembly.make_task(settings, live_from, Watched)

    telemetry = Telemetry()
    with on_a_thread(Worker(settings, make, telemetry)):
        yield telemetry


def relearns_slowly(task: Task, records: Sequence[Record]) -> None:
    """Take a millisecond a record, as long as nothing is written."""
    if records and records[0].offset < task.live_from:
        time.sleep(0.001 * len(records))


def ours(telemetry: Telemetry) -> set[int]:
    """Return the partitions that a worker takes for its own."""
    status = telemetry.status()
    return {each.partition for each in status.partitions} | {each.partition for each in status.restorations}


def apart_from_each_other(guest: Telemetry, stays: Telemetry) -> bool:
    """Whether no partition is both workers'; the one that gains is asked first, for it gains last."""
    return not ours(guest) & ours(stays)


def come_and_go(live: LiveStream, folder: Path, times: int, stay_s: float) -> None:
    """Let a second worker join and leave that often, while events come in.

    It keeps its snapshots in a place of its own, as on another machine: it has to relearn what the first
    one did, and leaves in the middle of that.
    """
    settings, progress = settings_of(live), Progress(live)
    apart = settings.snapshot.model_copy(update={"location": str(folder)})
    interrupted = 0
    with working(settings) as stays:
        live.fill([event(number) for number in range(4_000)])
        progress.wait_for(2_000)
        for round_ in range(times):
            with working(settings.model_copy(update={"snapshot": apart}), relearns_slowly) as guest:
                live.fill([event(number) for number in range(round_ * 100, round_ * 100 + 100)])
                if round_ % 3 == 0:
                    until(lambda: bool(guest.status().restorations or guest.status().partitions))
                else:
                    time.sleep(stay_s)
                interrupted += len(guest.status().restorations)
                until(functools.partial(apart_from_each_other, guest, stays), 20.0)
            time.sleep(stay_s)
            progress.committed()
        progress.wait_until_healed()
        assert len(stays.status().partitions) == live.settings.kafka.partitions
    assert interrupted > 0
    check_as_if_uninterrupted(live)


def test_f4_a_second_worker_comes_and_goes(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """Also while it relearns."""
    come_and_go(LiveStream(kafka, stream_name, partitions=4), tmp_path, 3, 1.0)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_f4_a_second_worker_comes_and_goes_thirty_times(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """Every two seconds."""
    come_and_go(LiveStream(kafka, stream_name, partitions=4), tmp_path, 30, 2.0)


def test_partitions_that_are_back_do_not_wait_for_one_that_is_not(kafka: str, stream_name: str) -> None:
    """One relearns for as long as it takes; the others answer, and readiness names it."""
    live = LiveStream(kafka, stream_name, partitions=2)
    for partition in range(2):
        live.fill([event(number) for number in range(500)], partition)
    with working(settings_of(live, every_s=3600.0)):
        live.wait_for(1_000)
    store = Path(settings_of(live).snapshot.location)
    # So that the next one relearns all of partition 1.
    for file in store.rglob("*-1/*.snapshot"):
        file.unlink()
    relearning, go_on = threading.Event(), threading.Event()

    def hang(task: Task, records: Sequence[Record]) -> None:
        if records and records[0].partition == 1 and records[0].offset < task.live_from:
            relearning.set()
            assert go_on.wait(60)

    with working(settings_of(live, every_s=3600.0), hang) as telemetry:
        assert relearning.wait(60)
        live.fill([event(number) for number in range(100)], 0)
        live.wait_for(1_100)
        status = telemetry.status()
        assert (status.ready, status.readiness) == (False, "partition 1 relearns: 0 of 500 offsets")
        assert [each.partition for each in status.partitions] == [0]
        live.fill([event(number) for number in range(100)], 1)
        go_on.set()
        live.wait_for(1_200)
        assert telemetry.status().readiness == "at work on partitions [0, 1]"
    check_as_if_uninterrupted(live)


def test_a_worker_that_goes_while_it_relearns_keeps_what_it_has(kafka: str, stream_name: str) -> None:
    """Its snapshot is where the next one goes on, so that many interruptions come to an end too."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(number) for number in range(2_000)])
    settings = settings_of(live, every_s=3600.0)
    with working(settings):
        live.wait_for(2_000)
    for file in Path(settings.snapshot.location).rglob("*.snapshot"):
        file.unlink()
    begun: list[int] = []

    def note(task: Task, records: Sequence[Record]) -> None:
        if records[0].offset < task.live_from:
            begun.append(records[0].offset)
            time.sleep(0.2)

    with working(settings, note):
        until(lambda: len(begun) >= 3)
    reached = begun[-1]
    begun.clear()
    with working(settings, note) as telemetry:
        until(lambda: telemetry.status().ready)
    assert min(begun, default=2_000) >= reached > 0


def test_a_worker_too_many_is_ready_and_takes_over(kafka: str, stream_name: str) -> None:
    """It says that it stands by; when the other one goes, it goes on where that one was."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(number) for number in range(300)])
    with working(settings_of(live)) as first:
        until(lambda: first.status().ready)
        with working(settings_of(live)) as second:
            until(lambda: all(each.status().joined and each.status().ready for each in (first, second)))
            idle, busy = sorted((first.status(), second.status()), key=lambda each: len(each.partitions))
            assert idle.ready
            assert idle.readiness == "standing by: other workers have all the partitions"
            assert busy.readiness == "at work on partitions [0]"
            live.wait_for(300)
        live.fill([event(number) for number in range(300, 400)])
        live.wait_for(400)
    check_as_if_uninterrupted(live)


def test_joining_is_not_forgotten(kafka: str, stream_name: str) -> None:
    """The library may be in the middle of joining and not know it any more: then it would never end."""
    group = Group(settings_of(LiveStream(kafka, stream_name)))
    try:
        until(lambda: 0 in group.poll(10).gained)
        assert group.joined
        group._consumer._coordinator.state = MemberState.REBALANCING
        until(lambda: group.poll(10) is not None and group.joined)
    finally:
        group.close()


def test_a_lost_partition_is_let_go_at_once(kafka: str, stream_name: str) -> None:
    """Also where nothing is written that the broker could refuse."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(number) for number in range(50)])
    settings = settings_of(live)
    telemetry = Telemetry()
    worker = Worker(settings, functools.partial(assembly.make_task, settings), telemetry)
    with on_a_thread(worker):
        live.wait_for(50)
        until(lambda: ours(telemetry) == {0})
        worker._group._changes.on_partitions_lost([TopicPartition(topic(settings.stream, "events"), 0)])
        until(lambda: not ours(telemetry), 10.0)


def test_who_was_thrown_out_of_the_group_is_told_so(kafka: str, stream_name: str) -> None:
    """A worker that tried again would fence whoever has the partition now, and be refused all the same."""
    settings = settings_of(LiveStream(kafka, stream_name))
    group, outbox = Group(settings), Outbox(settings, 0)
    try:
        until(lambda: 0 in group.poll(10).gained)
        with pytest.raises(FencedError, match="no member of the group any more"):
            outbox.write([], 1, group.membership()._replace(member_id="one that left"))
        assert group.committed(0) is None
    finally:
        outbox.close()
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


def test_kept_partitions_go_on_while_the_group_settles(kafka: str, stream_name: str) -> None:
    """However long that takes: a member that does not answer holds up the group, and nobody's events."""
    live = LiveStream(kafka, stream_name, partitions=2)
    live.fill([event(number) for number in range(100)])
    settings = settings_of(live)
    with working(settings) as first:
        until(lambda: first.status().ready)
        live.wait_for(100)
        # It joins, and beats on a thread, and never asks for records again.
        silent = consumer(settings.kafka, group_id=settings.group, max_poll_interval_ms=20_000)
        try:
            silent.subscribe([topic(settings.stream, "events")])
            until(lambda: bool(silent.poll(timeout_ms=100) or silent.assignment()))
            (moved,) = {each.partition for each in silent.assignment()}
            until(lambda: [each.partition for each in first.status().partitions] == [1 - moved])
            until(lambda: first.status().joined)
            with working(settings):
                until(lambda: not first.status().joined)
                live.fill([event(number) for number in range(100, 150)], partition=1 - moved)
                live.wait_for(150)
                assert not first.status().joined
        finally:
            silent.close()
    with working(settings):
        live.wait_for(150)
    check_as_if_uninterrupted(live)
