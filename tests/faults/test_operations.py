"""What an operator does to a stream, on three brokers: `pytest -m slow tests/faults/test_operations.py`."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from stream.records.topics import topic
from tests.faults.cluster import Cluster
from tests.faults.exactly_once import check_as_if_uninterrupted, check_model
from tests.stream.live import LiveStream, source, stop
from tests.stream.standins import event

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_800)]

PARTITIONS = 2
EVENTS = 400
"""Of each partition, before and after what is done."""
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long ahead(void) { return atol(getenv("SECONDS_AHEAD")); }
int clock_gettime(clockid_t id, struct timespec *now) {
    int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = next(id, now);
    if (id == CLOCK_REALTIME) now->tv_sec += ahead();
    return status;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    int status = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec, now->tv_usec = precise.tv_nsec / 1000;
    return status;
}
time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
"""
"""A wall clock that is wrong, to be preloaded; under libfaketime sleeping fails ("Invalid argument")."""


@pytest.fixture
def live(brokers: Cluster, stream_name: str) -> LiveStream:
    """Give a stream with events."""
    made = LiveStream(brokers.address, stream_name, PARTITIONS, {"ITHACA_RUN": "same"})
    fill(made, 0)
    return made


def fill(live: LiveStream, begin: int) -> None:
    """Write events to each partition."""
    for partition in range(PARTITIONS):
        live.fill([event(number) for number in range(begin, begin + EVENTS)], partition)


def answer(live: LiveStream, outcomes: int, **environment: str) -> str:
    """Let a worker work until there are so many outcomes; return what it said."""
    with live.worker(**environment) as worker:
        live.wait_for(outcomes)
        status, _, said = stop(worker)
        assert status == 0, said
    return said


def set_back(live: LiveStream, offset: int) -> None:
    """Set the group's offsets, as `kafka-consumer-groups --reset-offsets` does."""
    name = topic(live.settings.stream, "events")
    places = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
    with contextlib.closing(
        KafkaAdminClient(bootstrap_servers=live.settings.kafka.bootstrap_servers)
    ) as client:
        client.alter_group_offsets(
            live.settings.group, {place: OffsetAndMetadata(offset, "", -1) for place in places}
        )


def test_offsets_are_set_back(live: LiveStream) -> None:
    """The worker says so, and answers again what it is asked to, with equal predictions."""
    first, all_ = PARTITIONS * EVENTS, 2 * PARTITIONS * EVENTS
    answer(live, first)
    set_back(live, 150)
    fill(live, EVENTS)
    said = answer(live, all_ + PARTITIONS * (EVENTS - 150))
    assert "were set back" in said
    answers: defaultdict[tuple[int, int], list[bytes | None]] = defaultdict(list)
    for record in live.read("predictions"):
        answers[source(record)].append(record.value)
    assert len(answers) == all_
    assert all(len(each) == 1 + (150 <= offset < EVENTS) for (_, offset), each in answers.items())
    assert all(len(set(each)) == 1 for each in answers.values())
    for partition in range(PARTITIONS):
        assert check_model(live, partition).offset == 2 * EVENTS


def test_settings_are_changed_and_put_back(live: LiveStream) -> None:
    """The former model goes on from its snapshot, as if the other had never been; one answer each."""
    answer(live, PARTITIONS * EVENTS)
    fill(live, EVENTS)
    changed = answer(live, 2 * PARTITIONS * EVENTS, ITHACA_LEARNER__NAME="persistence")
    assert "learner.name" in changed
    fill(live, 2 * EVENTS)
    back = answer(live, 3 * PARTITIONS * EVENTS)
    assert f"relearning silently from offset {EVENTS} to {2 * EVENTS}" in back
    answered = [source(record) for record in live.read("predictions")]
    assert len(set(answered)) == len(answered) == 3 * PARTITIONS * EVENTS
    for partition in range(PARTITIONS):
        assert check_model(live, partition).offset == 3 * EVENTS


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler (`apt-get install gcc`)")
def test_a_clock_is_an_hour_ahead_and_then_an_hour_behind(live: LiveStream, tmp_path: Path) -> None:
    """No result depends on the worker's clock."""
    library = tmp_path / "clock.so"
    compiler = ["cc", "-shared", "-fPIC", "-o", str(library), "-x", "c", "-"]
    subprocess.run(compiler, input=CLOCK.encode(), check=True)
    ahead, behind = ({"LD_PRELOAD": str(library), "SECONDS_AHEAD": str(seconds)} for seconds in (3900, -3900))
    told = answer(live, PARTITIONS * EVENTS, **ahead)
    assert told[:13] > datetime.now().isoformat(sep=" ")[:13]
    fill(live, EVENTS)
    answer(live, 2 * PARTITIONS * EVENTS, **behind)
    fill(live, 2 * EVENTS)
    answer(live, 3 * PARTITIONS * EVENTS)
    check_as_if_uninterrupted(live)
    for partition in range(PARTITIONS):
        assert check_model(live, partition).offset == 3 * EVENTS
