"""How soon a new worker is ready: learning a shared model's lessons, or relearning a partition's events.

`python -m tests.benchmarks.catch_up [--records 1000,100000] [--learner NAME]` starts Apache Kafka (or uses
ITHACA_KAFKA__BOOTSTRAP_SERVERS). In scope "stream" the lessons topic holds so many lessons of Reuters'
events after the newest snapshot; in scope "partition" the events topic holds so many events, which the group
has committed. Seconds are from the start of the process until it is ready; a run without records shows the
cost of the start alone.
"""

from __future__ import annotations

import io
import itertools
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from typing import Annotated

import typer
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from rich.console import Console
from rich.table import Table

from stream.broker.brokers import choose
from stream.broker.processes import free_ports
from stream.kafka import Writer, ensure_lessons
from stream.pipeline.factory import make_answerer, make_replica
from stream.records.schema import Record
from stream.records.topics import topic
from stream.sources import read_lines
from tests.data import DATA
from tests.stream.live import LiveStream, readiness, stop, until

PATIENCE_S = 3_600.0
"""Seconds that a worker may take to be ready."""
AT_ONCE = 500
"""Events turned into lessons per step."""


def main(
    records: Annotated[str, typer.Option(help="Lessons, or events, to catch up with.")] = "1000,100000",
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
) -> None:
    """Start a worker with each number of records, and without any."""
    table = Table("scope", "records", "seconds to ready", box=None)
    broker = choose()
    try:
        for scope, count in itertools.product(("stream", "partition"), (0, *map(int, records.split(",")))):
            table.add_row(scope, f"{count:,}", f"{ready_s(broker.address, scope, count, learner):.1f}")
    finally:
        broker.stop()
    Console().print(table)


def ready_s(address: str, scope: str, count: int, learner: str) -> float:
    """Return the seconds until a worker is ready that has so many records to catch up with."""
    (port,) = free_ports(1)
    environment = {
        "ITHACA_MODEL__SCOPE": scope,
        "ITHACA_LEARNER__NAME": learner,
        "ITHACA_ENCODER__PARAMETERS": "{}",
        "ITHACA_HTTP__PORT": str(port),
    }
    live = LiveStream(address, f"catch-up-{uuid.uuid4().hex[:8]}", 1, environment)
    ensure_lessons(live.settings.kafka, live.settings.stream)
    file = read_lines(DATA / "reuters21578" / "events.jsonl.gz", count)
    events = itertools.islice(itertools.cycle(line for _, line in file), count)
    kind, values = ("lessons", _lessons(live, events)) if scope == "stream" else ("events", events)
    with Writer(live.settings.kafka, topic(live.settings.stream, kind)) as writer:
        for value in values:
            writer.send(value, partition=0)
    _commit(live, kind, count)
    # What the worker printed is shown when it ends; it is not a result.
    with redirect_stdout(io.StringIO()), live.worker() as process:
        began = time.monotonic()
        until(lambda: readiness(port).startswith("ok"), PATIENCE_S)
        taken = time.monotonic() - began
        stop(process)
    return taken


def _lessons(live: LiveStream, events: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lessons as workers write them, from a model that predicts quickly."""
    quick = live.settings.learner.model_copy(update={"name": "priors"})
    settings = live.settings.model_copy(update={"learner": quick})
    replica, offsets = make_replica(settings), itertools.count()
    answerer = make_answerer(settings, lambda: replica)
    while batch := list(itertools.islice(events, AT_ONCE)):
        written = answerer.process(_records(live, batch, offsets)).outputs
        lessons = [output.value or b"" for output in written if output.kind == "lessons"]
        replica.process(
            [
                Record("lessons", 0, replica.next_offset + number, 0, None, lesson)
                for number, lesson in enumerate(lessons)
            ]
        )
        yield from lessons


def _records(live: LiveStream, batch: Sequence[bytes], offsets: Iterator[int]) -> list[Record]:
    name = topic(live.settings.stream, "events")
    return [Record(name, 0, offset, 0, None, value) for value, offset in zip(batch, offsets, strict=False)]


def _commit(live: LiveStream, kind: str, offset: int) -> None:
    place = TopicPartition(topic(live.settings.stream, kind), 0)
    group = live.settings.group if kind == "events" else f"{live.settings.group}.lessons"
    client = KafkaConsumer(bootstrap_servers=live.settings.kafka.bootstrap_servers, group_id=group)
    client.assign([place])
    client.commit({place: OffsetAndMetadata(offset)})
    client.close()


if __name__ == "__main__":
    typer.run(main)
