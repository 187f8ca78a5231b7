"""F4: workers that come and go, partitions that stay, and partitions that take long to come back."""

from __future__ import annotations

import functools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from stream.config.settings import Settings
from stream.kafka import Polled, Transaction, UnwrittenError
from stream.kafka.clients import consumer
from stream.pipeline import factory as assembly
from stream.pipeline.outcome import Outcome
from stream.pipeline.task import Task
from stream.records.schema import Record
from stream.records.topics import topic
from stream.telemetry.collector import Telemetry
from stream.worker.partition import AssignedPartition
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


def test_what_is_handed_over_is_committed_first_although_the_rebalance_refused_it(
    kafka: str, stream_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once more, as a member of the new generation; the next owner has nothing to relearn."""
    live, refused = LiveStream(kafka, stream_name, 2), [0]
    begin, leave = AssignedPartition.begin, Worker._leave

    def refuse(self: AssignedPartition[Task], *arguments: Any) -> Transaction | None:
        if refused and self.committed >= 100:
            refused.append(self.committed)
            raise UnwrittenError("the generation is over")
        return begin(self, *arguments)

    def release(self: Worker, polled: Polled) -> None:
        if polled.released:
            time.sleep(1.0)  # Nobody else has the partition meanwhile.
            refused.clear()
        leave(self, polled)

    monkeypatch.setattr(AssignedPartition, "begin", refuse)
    monkeypatch.setattr(Worker, "_leave", release)
    for partition in range(2):
        live.fill([event(number) for number in range(100)], partition)
    with working(settings_of(live)) as first:
        live.wait_for(200)
        for partition in range(2):
            live.fill([event(number) for number in range(100, 150)], partition)
        until(lambda: len(refused) > 2)
        with caplog.at_level(logging.INFO), working(settings_of(live)) as second:
            until(lambda: ours(second) and second.status().ready and first.status().ready)
        live.wait_for(300)
    found = re.findall(r"partition \d: relearning silently from offset (\d+) to (\d+)", caplog.text)
    assert found
    assert all(begin == end and int(end) > 100 for begin, end in found)
    check_as_if_uninterrupted(live)


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
