"""Latency through Kafka at a steady load: how long an event waits for its prediction to be committed.

`python -m tests.benchmarks.latency [--learner NAME] [--rate N] [--limit N]` starts Apache Kafka (or uses
ITHACA_KAFKA__BOOTSTRAP_SERVERS) and a worker, lets it answer events of Reuters at full speed first, and then
sends it so many a second, evenly. It prints percentiles of the milliseconds from an event's production to the
moment in which a reader of committed records has its prediction, and the load as a share of the full speed.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
import uuid
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import typer
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table

from drift.core import Floats
from stream.broker.brokers import choose
from stream.kafka import Writer
from stream.kafka.clients import consumer, producer, record
from stream.records.topics import topic
from stream.sources import read_lines
from tests.data import DATA
from tests.stream.live import LiveStream, source

WARM_UP = 4_000
"""Events answered at full speed first: after 3,000 experts have fallen asleep."""
PERCENTILES = 50, 90, 99, 100


def main(
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
    rate: Annotated[float, typer.Option(help="Events a second.")] = 400.0,
    limit: Annotated[int, typer.Option(help="Events sent at that rate.")] = 10_000,
) -> None:
    """Start a worker, and measure at one rate."""
    events = [line for _, line in read_lines(DATA / "reuters21578" / "events.jsonl.gz", WARM_UP + limit)]
    broker = choose()
    try:
        stream = LiveStream(
            broker.address,
            f"bench-{uuid.uuid4().hex[:8]}",
            environment={"ITHACA_LEARNER__NAME": learner, "ITHACA_ENCODER__PARAMETERS": "{}"},
        )
        with stream.worker():
            first = events[: max(1, len(events) - limit)]
            fast = full_speed(stream, first)
            waited = latencies(stream, events[len(first) :], rate, len(first))
    finally:
        broker.stop()
    show(learner, rate, fast, waited)


def full_speed(stream: LiveStream, events: Sequence[bytes]) -> float:
    """Let the worker answer events that are there; return how many a second, in their second half."""
    name = topic(stream.settings.stream, "events")
    with Writer(stream.settings.kafka, name) as writer:
        for event in events:
            writer.send(event)
    arrived = read(stream, 0, len(events))
    half = arrived[len(events) // 2 :]
    return len(half) / max(1e-9, half[-1] - half[0])


def latencies(stream: LiveStream, events: Sequence[bytes], rate: float, first: int) -> Floats:
    """Send events, so many a second; return the seconds after which each had its prediction."""
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read, stream, first, len(events))
        sent = send(stream, events, rate)
        arrived: Floats = np.array(reading.result())
    return arrived - sent


def send(stream: LiveStream, events: Sequence[bytes], rate: float) -> Floats:
    """Send events evenly; return when each was."""
    client = producer(stream.settings.kafka, linger_ms=0)
    name, began, sent = topic(stream.settings.stream, "events"), time.monotonic(), []
    for number, event in enumerate(events):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        sent.append(time.monotonic())
        client.send(name, event)
    client.flush()
    client.close()
    return np.array(sent)


def read(stream: LiveStream, first: int, number: int) -> list[float]:
    """Return when each prediction could be read, for so many events from an offset on."""
    place = TopicPartition(topic(stream.settings.stream, "predictions"), 0)
    arrived: dict[int, float] = {}
    with contextlib.closing(consumer(stream.settings.kafka)) as client:
        client.assign([place])
        client.seek_to_beginning(place)
        while len(arrived) < number:
            for one in client.poll(timeout_ms=50).get(place, []):
                offset = source(record(one))[1]
                if offset >= first:
                    arrived[offset] = time.monotonic()
    return [arrived[first + place] for place in range(number)]


def show(learner: str, rate: float, fast: float, waited: Floats) -> None:
    """Print the percentiles."""
    table = Table(
        title=f"{learner}, {rate:,.0f} events of Reuters-21578 a second ({rate / fast:.0%} of full speed)"
    )
    for percentile in PERCENTILES:
        table.add_column("most" if percentile == 100 else f"p{percentile}", justify="right")
    table.add_row(*(f"{1000 * np.percentile(waited, percentile):,.0f} ms" for percentile in PERCENTILES))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
