"""What partitions cost: own models and a shared one, on 1, 2 and 4 workers, beside lockstep on one partition.

`python -m tests.benchmarks.scopes [--limit N] [--partitions P] [--workers 1,2,4] [--labelled SHARE]` starts
Apache Kafka (or uses ITHACA_KAFKA__BOOTSTRAP_SERVERS), lets worker processes answer Reuters' events, written
to the partitions in turn once all workers are there, and scores what they predicted, each event once. `rate`
is events a second from the first to the last prediction; with fewer labels than all (`--labelled 0.1`)
answering dominates. `CPU` is what all workers together computed an event, ms: with a core for each worker
and some for the broker the rate is at most workers / CPU. It is read from Linux's /proc, and 0 elsewhere.

On a machine with few cores the broker and the workers are in each other's way. `--core 0.4` gives each worker
so much of a core and no more, so that what a second worker adds can be seen (Linux' cgroups, as root).
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from learners.core.label_space import LabelSpace
from learners.core.prediction import Prediction
from learners.metrics.prequential import Prequential, Scores
from stream.broker.brokers import choose
from stream.kafka import Writer, ensure_lessons
from stream.records.topics import topic
from stream.sources import read_lines
from tests.data import DATA
from tests.stream.live import LiveStream, stop, until

PATIENCE_S = 3_600.0
"""How long one run may take."""


class Run(NamedTuple):
    """One way to answer all events: whose model, on how many partitions, with how many workers."""

    scope: str
    partitions: int
    workers: int


class Answered(NamedTuple):
    """How a run did: scores of events with labels, events a second, CPU seconds an event."""

    scores: Scores
    rate: float
    cpu_s: float


def main(
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
    limit: Annotated[int, typer.Option(help="Events.")] = 21_578,
    partitions: Annotated[int, typer.Option(help="Partitions of the events.")] = 8,
    workers: Annotated[str, typer.Option(help="Numbers of workers that share a model.")] = "1,2,4",
    labelled: Annotated[float, typer.Option(help="Share of the events that bring labels.")] = 1.0,
    core: Annotated[float, typer.Option(help="Share of a core for each worker; 0: as it comes.")] = 0.0,
) -> None:
    """Run all ways, one after the other."""
    values = _thinned(
        [line for _, line in read_lines(DATA / "reuters21578" / "events.jsonl.gz", limit)], labelled
    )
    runs = [
        Run("partition", 1, 1),
        Run("partition", partitions, 1),
        *(Run("stream", partitions, int(count)) for count in workers.split(",")),
    ]
    table = Table(
        "model of", "partitions", "workers", "subset", "micro-F1", "macro-F1", "rate", "CPU", box=None
    )
    broker = choose()
    try:
        for run in runs:
            scores, rate, cpu_s = answered(broker.address, run, learner, values, core)
            figures = (scores.subset_accuracy, scores.micro_f1, scores.macro_f1)
            table.add_row(
                run.scope,
                str(run.partitions),
                str(run.workers),
                *(f"{each:.3f}" for each in figures),
                f"{rate:,.0f}",
                f"{1000 * cpu_s:.2f}",
            )
    finally:
        broker.stop()
    Console().print(table)


def _thinned(values: Sequence[bytes], labelled: float) -> list[bytes]:
    """Return the events, of which only some keep their labels: those whose number is due."""
    kept = []
    for number, value in enumerate(values):
        event = json.loads(value)
        if int(number * labelled) == int((number + 1) * labelled):
            event["labels"] = None
        kept.append(json.dumps(event).encode())
    return kept


def answered(address: str, run: Run, learner: str, values: Sequence[bytes], core: float = 0.0) -> Answered:
    """Let workers answer all events, each with so much of a core, and return how they did."""
    environment = {
        "ITHACA_MODEL__SCOPE": run.scope,
        "ITHACA_LEARNER__NAME": learner,
        "ITHACA_ENCODER__PARAMETERS": "{}",
    }
    live = LiveStream(address, f"scopes-{uuid.uuid4().hex[:8]}", run.partitions, environment)
    ensure_lessons(live.settings.kafka, live.settings.stream)
    events = topic(live.settings.stream, "events")
    # What the workers said is printed when they end; it is no figure.
    with redirect_stdout(io.StringIO()), ExitStack() as stack:
        processes = [stack.enter_context(live.worker()) for _ in range(run.workers)]
        until(lambda: all(f"{events}, generation" in process.said() for process in processes))
        if core:
            for process in processes:
                stack.enter_context(_limited(process.pid, core))
        begun = sum(_cpu_s(process.pid) for process in processes)
        with Writer(live.settings.kafka, events) as writer:
            for number, value in enumerate(values):
                writer.send(value, partition=number % run.partitions)
        live.wait_for(len(values), PATIENCE_S)
        cpu_s = sum(_cpu_s(process.pid) for process in processes) - begun
        for process in processes:
            stop(process)
    predictions = live.read("predictions")
    assert len(predictions) == len(values)
    stamps = [record.timestamp for record in predictions]
    seconds = max(1.0, (max(stamps) - min(stamps)) / 1000)
    scores = scores_of([json.loads(record.value or b"") for record in predictions])
    return Answered(scores, len(values) / seconds, cpu_s / len(values))


@contextmanager
def _limited(process: int, core: float) -> Iterator[None]:
    """Give a process so much of a core inside the block."""
    root = Path("/sys/fs/cgroup")
    separate = (root / "cpu").is_dir()
    group = (root / "cpu" if separate else root) / f"ithaca-benchmark-{process}"
    group.mkdir()
    period, quota = 20_000, round(20_000 * core)
    if separate:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {period}")
    (group / "cgroup.procs").write_text(str(process))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # It has ended.
            (group.parent / "cgroup.procs").write_text(str(process))
        group.rmdir()


def _cpu_s(process: int) -> float:
    """Return what a process has computed so far, in seconds."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def scores_of(predictions: Sequence[dict[str, Any]]) -> Scores:
    """Return the scores of predictions whose events brought their labels."""
    scores, space = Prequential(), LabelSpace()
    for each in predictions:
        if each.get("truth") is None:
            continue
        targets = space.targets(each["truth"]["labels"])
        labels = space.ids(each["labels"])
        listed = sorted((space.id(one["label"]), one["score"]) for one in each["scores"])
        ids, probabilities = [list(column) for column in zip(*listed, strict=True)] if listed else ([], [])
        scored = space.ids([space.name(label) for label in ids])
        prediction = Prediction(labels, np.array(probabilities, np.float32), scored)
        scores.update(prediction, targets, len(space))
    return scores.summary()


if __name__ == "__main__":
    typer.run(main)
