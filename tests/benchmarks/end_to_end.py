"""Reuters through Kafka: messages per second, and where the time goes.

`python -m tests.benchmarks.end_to_end [--learner NAME] [--limit N] [--runs N]` starts Apache Kafka (or uses
ITHACA_KAFKA__BOOTSTRAP_SERVERS), produces the events, lets a worker answer them all, and prints the median
over the runs. For comparison, the same task runs over the same events in memory (the ratio is Kafka's cost),
and a worker writes each event back as it came: no learner can do more than this echo with the same client.
Before the first run the task takes in some of the events, so that no run waits for code to be compiled.
"""

from __future__ import annotations

import concurrent.futures
import functools
import gc
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from drift.alarms import Alarm
from drift.core import Vector
from stream.broker.brokers import choose
from stream.config.settings import Settings
from stream.encoders.threads import limit_threads
from stream.kafka import History, Writer, ensure_topics
from stream.pipeline.answerer import Answer
from stream.pipeline.factory import make_task
from stream.pipeline.lesson import NO_RECORD, Lesson
from stream.pipeline.outcome import Outcome, joined
from stream.pipeline.task import Task
from stream.records.schema import Event, Output, Record
from stream.records.topics import topic
from stream.sources import read_lines
from stream.telemetry.collector import Telemetry
from stream.testing.driver import Log, drive
from stream.worker.worker import Worker
from tests.data import DATA
from tests.stream.live import on_a_thread, until

WARM_UP = 3_000
"""Events after which experts have fallen asleep, and hardly any code has yet to run for the first time."""


def main(
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
    limit: Annotated[int, typer.Option(help="Events.")] = 21_578,
    runs: Annotated[int, typer.Option(help="Runs of each kind.")] = 3,
) -> None:
    """Run both kinds alternately, several times."""
    limit_threads()
    events = [line for _, line in read_lines(DATA / "reuters21578" / "events.jsonl.gz", limit)]
    broker = choose()
    try:
        in_memory(settings_for(broker.address, learner), events[:WARM_UP])
        gc.freeze()  # As a worker does after its warm-up.
        live, memory, echo = [], [], []
        parts: list[dict[str, float]] = []
        for _ in range(runs):
            settings = settings_for(broker.address, learner)
            seconds, times = through_kafka(settings, events)
            live.append(len(events) / seconds)
            parts.append(times)
            echo.append(len(events) / through_kafka(settings_for(broker.address, learner), events, Echo)[0])
            memory.append(len(events) / in_memory(settings, events))
    finally:
        broker.stop()
    show(learner, len(events), {"through Kafka": live, "in memory": memory, "echo": echo}, parts)


def settings_for(address: str, learner: str) -> Settings:
    """Return the settings of a new stream."""
    return Settings.model_validate(
        {
            "snapshot": {"location": "memory://"},
            "stream": f"bench-{uuid.uuid4().hex[:8]}",
            "kafka": {"bootstrap_servers": address},
            "learner": {"name": learner},
        }
    )


class TimedTask(Task):
    """A task that measures the seconds spent on predicting and learning."""

    advance_s = 0.0

    def answer(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> Answer:
        """See `Answerer.answer`."""
        with self._booked():
            return super().answer(event, x, fingerprint)

    def _learn(self, lesson: Lesson) -> list[Alarm]:
        with self._booked():
            return super()._learn(lesson)

    @contextmanager
    def _booked(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.advance_s += time.perf_counter() - began


class Echo(TimedTask):
    """A task that writes each event back as it came, as its prediction."""

    def process(self, records: Sequence[Record]) -> Outcome:
        """See `Answerer.process`."""
        steps = [
            Outcome([Output("predictions", record.key, record.value, record.headers)], record.offset + 1)
            for record in records
        ]
        self.next_offset = steps[-1].next_offset
        return joined(steps, self.next_offset)

    def encode_ahead(self, records: Sequence[Record], executor: concurrent.futures.Executor) -> None:
        """Do nothing: nothing is encoded."""


def through_kafka(
    settings: Settings, events: list[bytes], kind: type[TimedTask] = TimedTask
) -> tuple[float, dict[str, float]]:
    """Return the seconds from the first poll to the last commit, and their parts."""
    ensure_topics(settings.kafka, settings.stream)
    with Writer(settings.kafka, topic(settings.stream, "events")) as writer:
        for event in events:
            writer.send(event)
    telemetry = Telemetry()
    tasks: list[TimedTask] = []

    def make(live_from: int) -> Task:
        task = make_task(settings, live_from, kind)
        task.encoder = telemetry.timed(task.encoder)
        tasks.append(task)
        return task

    with on_a_thread(Worker(settings, make, telemetry)):
        until(lambda: bool(tasks))
        began = time.perf_counter()
        # Not by the task's progress: its last batch has yet to be committed. To ask costs the worker time.
        while telemetry.status().predictions < len(events):
            time.sleep(0.01)
        seconds = time.perf_counter() - began
    history = History(settings.kafka, topic(settings.stream, "predictions"))
    assert sum(1 for _ in history.records()) == len(events)
    history.close()
    return seconds, parts_of(seconds, telemetry, tasks[0])


def parts_of(seconds: float, telemetry: Telemetry, task: TimedTask) -> dict[str, float]:
    """Return a run's seconds by what they were spent on."""
    spent = {
        name: sample.value
        for name, histogram in telemetry.times.items()
        for metric in histogram.collect()
        for sample in metric.samples
        if sample.name.endswith("_sum")
    }
    parts = {
        "encode": spent["encode"],
        "predict and learn": task.advance_s,
        "decode, explain and serialise": spent["predict_learn"] - task.advance_s,
        "commit": spent["commit"],
    }
    return parts | {"poll, and the rest": seconds - sum(parts.values())}


def in_memory(settings: Settings, events: list[bytes]) -> float:
    """Return the seconds that the same task takes without a broker."""
    name = topic(settings.stream, "events")
    log = Log([Record(name, 0, offset, 0, None, value) for offset, value in enumerate(events)])
    began = time.perf_counter()
    drive(log, functools.partial(make_task, settings), batch=256)
    return time.perf_counter() - began


def show(learner: str, events: int, rates: dict[str, list[float]], parts: list[dict[str, float]]) -> None:
    """Print medians."""
    live, *others = rates.values()
    table = Table(title=f"{learner}, {events} events of Reuters-21578, {len(live)} runs")
    for heading in ("", "median", "µs a message"):
        table.add_column(heading, justify="right")
    for name, speeds in rates.items():
        median = statistics.median(speeds)
        table.add_row(name, f"{median:,.0f} msgs/s", f"{1e6 / median:,.0f}")
    for name, speeds in zip(("Kafka / memory", "Kafka / echo"), others, strict=True):
        ratio = statistics.median(one / other for one, other in zip(live, speeds, strict=True))
        table.add_row(name, f"{ratio:.2f}", "")
    table.add_section()
    for part in sorted(parts[0], key=lambda name: -parts[0][name]):
        median = statistics.median(times[part] for times in parts)
        share = statistics.median(times[part] / sum(times.values()) for times in parts)
        table.add_row(part, f"{share:.1%}", f"{1e6 * median / events:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
