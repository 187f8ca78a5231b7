"""Reuters through Kafka: messages a second, and where the time goes.

`python -m tests.benchmarks.end_to_end [--learner NAME] [--limit N] [--runs N]` starts Apache Kafka (or uses
ITHACA_KAFKA__BOOTSTRAP_SERVERS), produces the events, lets a worker answer them all, and prints the median
over the runs. The peer is the same task over the same events in memory: what the broker costs is the ratio.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import stream.pipeline.task
from stream.broker.brokers import choose
from stream.config.settings import Settings
from stream.kafka import Group, History, Outbox, Writer, ensure_topics, lines
from stream.pipeline.factory import make_task
from stream.pipeline.task import Task
from stream.records.schema import Record
from stream.records.topics import topic
from stream.testing.driver import Log, drive
from stream.worker.threads import limit_threads
from stream.worker.worker import Worker
from tests.data import DATA

Times = collections.defaultdict[str, float]


def main(
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
    limit: Annotated[int, typer.Option(help="Events.")] = 21_578,
    runs: Annotated[int, typer.Option(help="Runs of each kind.")] = 3,
) -> None:
    """Run both kinds, one after the other, several times."""
    limit_threads()
    events = list(lines(DATA / "reuters21578" / "events.jsonl.gz", limit))
    broker = choose()
    try:
        live, memory = [], []
        parts: list[Times] = []
        for _ in range(runs):
            settings = Settings.model_validate(
                {
                    "snapshot": {"location": "memory://"},
                    "stream": f"bench-{uuid.uuid4().hex[:8]}",
                    "kafka": {"bootstrap_servers": broker.address},
                    "learner": {"name": learner},
                }
            )
            seconds, times = through_kafka(settings, events)
            live.append(len(events) / seconds)
            parts.append(times)
            memory.append(len(events) / in_memory(settings, events))
    finally:
        broker.stop()
    show(learner, len(events), live, memory, parts)


def through_kafka(settings: Settings, events: list[bytes]) -> tuple[float, Times]:
    """Return the seconds from the first poll to the last commit, and their parts."""
    ensure_topics(settings.kafka, settings.stream)
    with Writer(settings.kafka, topic(settings.stream, "events")) as writer:
        for event in events:
            writer.send(event)
    times: Times = collections.defaultdict(float)
    with stop_watches(times):
        tasks: list[Task] = []

        def make(live_from: int) -> Task:
            task = make_task(settings, live_from)
            watch(times, "encode", task.encoder, "encode")
            tasks.append(task)
            return task

        worker = Worker(settings, make)
        thread = threading.Thread(target=worker.run)
        thread.start()
        while not tasks:
            time.sleep(0.001)
        began = time.perf_counter()
        while tasks[0].next_offset < len(events):
            time.sleep(0.001)
        worker.stop()
        thread.join()
        seconds = time.perf_counter() - began
    history = History(settings.kafka, topic(settings.stream, "predictions"))
    assert sum(1 for _ in history.records()) == len(events)
    history.close()
    times["serialise and the rest"] = times.pop("process") - sum(
        times[part] for part in ("decode", "encode", "predict and learn")
    )
    times["commit"] = times.pop("write") - times["produce"]
    return seconds, times


@contextlib.contextmanager
def stop_watches(times: Times) -> Iterator[None]:
    """Time the parts of every worker inside the block."""
    with contextlib.ExitStack() as stack:
        for part, owner, name in (
            ("poll", Group, "poll"),
            ("process", Task, "process"),
            ("decode", stream.pipeline.task, "decode_event"),
            ("predict and learn", Task, "advance"),
            ("write", Outbox, "write"),
            ("produce", Outbox, "_send"),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            watch(times, part, owner, name)
        yield


def watch(times: Times, part: str, owner: Any, name: str) -> None:
    """Replace a function by one that books its seconds."""
    inner: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(inner)
    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            times[part] += time.perf_counter() - began

    setattr(owner, name, timed)


def in_memory(settings: Settings, events: list[bytes]) -> float:
    """Return the seconds that the same task takes without a broker."""
    name = topic(settings.stream, "events")
    log = Log([Record(name, 0, offset, 0, None, value) for offset, value in enumerate(events)])
    began = time.perf_counter()
    drive(log, functools.partial(make_task, settings), batch=256)
    return time.perf_counter() - began


def show(learner: str, events: int, live: list[float], memory: list[float], parts: list[Times]) -> None:
    """Print medians."""
    table = Table(title=f"{learner}, {events} events of Reuters-21578, {len(live)} runs")
    for heading in ("", "median", "µs a message"):
        table.add_column(heading, justify="right")
    for name, speeds in (("through Kafka", live), ("in memory", memory)):
        median = statistics.median(speeds)
        table.add_row(name, f"{median:,.0f} msgs/s", f"{1e6 / median:,.0f}")
    ratio = statistics.median(one / other for one, other in zip(live, memory, strict=True))
    table.add_row("Kafka / memory", f"{ratio:.2f}", "")
    table.add_section()
    for part in sorted(parts[0], key=lambda name: -parts[0][name]):
        median = statistics.median(times[part] for times in parts)
        share = statistics.median(times[part] / sum(times.values()) for times in parts)
        table.add_row(part, f"{share:.1%}", f"{1e6 * median / events:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
