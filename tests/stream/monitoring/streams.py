"""Streams to look at: the made-up help desk with its planted drift, thousands of labels, and nothing."""

from __future__ import annotations

import collections
import datetime
import functools
import itertools
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from drift.monitors.monitors import Monitors
from learners import IHOMER
from learners.core.base import Learner
from learners.uncertainty.conformal import Conformal
from stream.demo.support_messages import messages
from stream.encoders import Hashing
from stream.monitoring.output_records import InputRecord, OutputRecord, of_input, of_record
from stream.monitoring.stream_state import StreamState
from stream.pipeline.task import Task
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.predictions import LabelScore, ModelVersion, PredictionRecord, TrueLabels
from stream.records.schema import Output, Record, encode

PACE = 20.0
"""Events a second in the made-up streams."""


def outputs(
    count: int, learner: Learner, run: str = "first", partition: int = 0
) -> list[tuple[Record, Output]]:
    """Return what a task writes for the made-up help desk, with the event of each."""
    task = Task(Hashing(), learner, Monitors(), run=run, source="/test", confidence=Conformal())
    began = time.time() - count / PACE
    written = []
    for offset, value in enumerate(itertools.islice(messages(count), count)):
        record = Record("s.events", partition, offset, round(1000 * (began + offset / PACE)), None, value)
        written += [(record, output) for output in task.process([record]).outputs]
    return written


def as_read(written: Iterable[tuple[Record, Output]]) -> list[InputRecord | OutputRecord]:
    """Return events, and outputs written 50 ms after them, as the dashboard reads them from a broker."""
    found: list[InputRecord | OutputRecord] = []
    offsets: dict[str, Iterator[int]] = collections.defaultdict(itertools.count)
    for record, outputs in itertools.groupby(written, key=lambda pair: pair[0]):
        if event := of_input(record):
            found.append(event)
        for _, output in outputs:
            name, time = f"s.{output.kind}", record.timestamp + 50
            place = record.partition, next(offsets[name]), time
            found.append(of_record(Record(name, *place, output.key, output.value, output.headers)))
    return found


def fed(name: str, written: Iterable[InputRecord | OutputRecord], *, timed: bool = True) -> StreamState:
    """Return a stream's state that has read all of it."""
    state = StreamState(name, timed=timed)
    for each in written:
        state.take(each)
    state.ready = True
    return state


@functools.cache
def planted() -> Sequence[InputRecord | OutputRecord]:
    """Return what the help desk writes: a label is born at 30 %, meanings drift at 60 %, one label fades."""
    return as_read(outputs(6_000, IHOMER()))


def thousands(labels: int) -> StreamState:
    """Return a stream's state of a stream with so many labels in clusters of ten."""
    chance = random.Random(0)
    written = []
    now = time.time()
    for number in range(labels):
        rate = 0.0005 * (1 + number % 7)
        record = LabelRecord(
            label=f"area-{number % 97}/topic-{number}",
            count=100 + number % 900,
            predicted=90 + number % 800,
            hits=80 + number % 70,
            f1=0.5,
            first_seen=number,
            last_seen=2 * labels,
            rate=rate * (12.0 if number % 501 == 0 else chance.uniform(0.8, 1.2)),
            usual=rate,
            cluster=2 * (number // 10),
            updates=2 * labels,
        )
        written.append(OutputRecord("label-stats", 0, 2 * labels, now, now, encode(record)))
    leaves = list(range(0, 2 * (labels // 10), 2))
    splits = [(leaf + 1, leaf, leaf + 3 if leaf != leaves[-2] else leaves[-1]) for leaf in leaves[:-1]]
    whole = PartitionRecord(
        updates=2 * labels,
        scores={"micro_f1": 0.7},
        learner={"labels": float(labels), "clusters": float(len(leaves))},
        splits=splits,
        watched={},
    )
    written.append(OutputRecord("partition-stats", 0, 2 * labels, now, now, encode(whole)))
    for number in range(2_000):
        carried = [f"area-{n % 97}/topic-{n}" for n in chance.sample(range(labels), 3)]
        written.append(prediction(2 * labels + number, carried[:2], carried, at=now + number / PACE))
    return fed("thousands", written)


def prediction(
    offset: int,
    labels: Sequence[str],
    truth: Sequence[str] | None,
    *,
    at: float = 0.0,
    run: str = "r",
    partition: int = 0,
) -> OutputRecord:
    """Return a prediction; every event before it taught."""
    record = PredictionRecord(
        id=f"e{offset}",
        ts=datetime.datetime.fromtimestamp(offset, datetime.UTC),
        labels=list(labels),
        scores=[LabelScore(label, 0.9) for label in labels],
        clusters=[],
        trained_through=[],
        model=ModelVersion(offset, "0" * 32),
        encoder="none",
        run=run,
        truth=None if truth is None else TrueLabels(list(truth)),
    )
    return OutputRecord("prediction", partition, offset, at, at - 0.05, encode(record))


def drift(offset: int, detector: str, subject: str, scope: str = "prior", **fields: object) -> OutputRecord:
    """Return a drift event that an event raised, with fields of its record."""
    usual = {"statistic": 9.0, "threshold": 3.0, "window": 100, "action": "none"}
    record = DriftRecord(detector=detector, scope=scope, subject=subject, **usual | fields)  # type: ignore[arg-type]
    return OutputRecord("drift", 0, offset, float(offset), float(offset), encode(record))


def line(written: OutputRecord) -> bytes:
    """Return a record as a replay's file has it."""
    kind = {"dead-letter": "dead-letter", "drift": "drift.0"}.get(written.kind, written.kind)
    fields: dict[str, Any] = {"source": f"s.events/{written.partition}/{written.offset}/{kind}"}
    if written.value is not None and written.kind != "dead-letter":
        fields["value"] = msgspec.Raw(written.value)
    return msgspec.json.encode(fields)
