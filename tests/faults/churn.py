"""F12: ten thousand labels come and go for millions of events. Does it grow? `python -m tests.faults.churn`.

What a worker does with one partition, without the broker: the task, its telemetry with a scrape now and
then, its snapshots. Labels are used for a while and then never again for long, in a window that wanders
round all of them. Prints resident memory and the number of Prometheus series as it goes, and exits 1 where
memory grew by more than a MiB in ten minutes over the last half of the events, or a series appeared in it.

Two million by default, of which the second is judged: some monitors look at the latest 250 messages of each
label, and only after five rounds, the first million, all labels have had as many.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from prometheus_client import generate_latest

from stream.config.settings import Settings
from stream.encoders.threads import limit_threads
from stream.pipeline.factory import make_task
from stream.records.schema import Record
from stream.snapshot import Identity, Keeper, Store
from stream.telemetry.collector import Telemetry
from stream.telemetry.prometheus import registry

LABELS = 10_000
WINDOW = 200
"""Labels in use at a time."""
DIMENSIONS = 8
BATCH = 500
LIMIT_MIB = 1.0
"""Growth in ten minutes."""
ROUND = 200_000
"""Events in which the labels in use wander round all labels."""


class Sample(NamedTuple):
    """What was seen at a moment."""

    seconds: float
    events: int
    rss_mib: float
    series: int


def records(count: int, seed: int) -> Iterator[Record]:
    """Return events whose labels wander round all labels, again and again."""
    rng = random.Random(seed)
    for offset in range(count):
        first = offset * LABELS // ROUND
        labels = {f"label{(first + rng.randrange(WINDOW)) % LABELS}" for _ in range(3)}
        vector = [round(rng.gauss(0.0, 1.0), 3) for _ in range(DIMENSIONS)]
        value = {"id": str(offset), "ts": 0, "vector": vector, "labels": sorted(labels)}
        yield Record("s.events", 0, offset, 0, None, json.dumps(value).encode())


def rss_mib() -> float:
    """Return what this process keeps in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def churn(settings: Settings, count: int, folder: str, every_s: float) -> Iterator[Sample]:
    """Take in so many events; return what was seen every so many seconds."""
    task, telemetry = make_task(settings), Telemetry()
    task.encoder = telemetry.timed(task.encoder)
    metrics = registry(telemetry)
    store = Store(folder, "group", Identity("s.events", "id", 0, settings.configuration))
    keeper = Keeper(store, every_s=10.0, written=lambda kept: telemetry.snapshot_written(0, kept))
    telemetry.gained(0, task)
    began, due = time.monotonic(), 0.0
    stream = records(count, seed=12)
    while batch := list(itertools.islice(stream, BATCH)):
        outcome = task.process(batch)
        telemetry.processed(0.0)
        telemetry.committed(0, task, outcome, lag=0, commit_s=0.0, batch_s=0.0)
        if keeper.due(task):
            telemetry.snapshot_taken(keeper.save(task))
        if (now := time.monotonic() - began) >= due:
            due = now + every_s
            gc.collect()
            text = generate_latest(metrics).decode()
            series = sum(not line.startswith("#") for line in text.splitlines())
            yield Sample(now, task.next_offset, rss_mib(), series)
    keeper.wait(None)


def growth(samples: list[Sample]) -> float:
    """Return by how many MiB memory grows in ten minutes: the slope of a straight line through them."""
    minutes = np.array([sample.seconds / 60 for sample in samples])
    slope, _ = np.polyfit(minutes, np.array([sample.rss_mib for sample in samples]), 1)
    return float(10 * slope)


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--learner", default="linear")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two samples")
    given = parser.parse_args()
    limit_threads()
    settings = Settings.model_validate(
        {"stream": "s", "learner": {"name": given.learner}, "encoder": {"name": "dense"}}
    )
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        for sample in churn(settings, given.events, folder, given.every):
            samples.append(sample)
            print(
                f"{sample.seconds:6.0f} s {sample.events:9,} events {sample.rss_mib:8.1f} MiB "
                f"{sample.series} series",
                flush=True,
            )
    settled = [sample for sample in samples if 2 * sample.events >= given.events]
    grown, series = growth(settled), {sample.series for sample in settled}
    print(f"{given.learner}: {grown:+.2f} MiB in ten minutes, {sorted(series)} series")
    return 0 if grown < LIMIT_MIB and len(series) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
