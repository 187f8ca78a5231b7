"""Labels and feature names without end: seconds per message, the slowest one, and resident megabytes.

Run `python -m tests.benchmarks.many_labels [--labels N] [--names N] [--served N] [--learners NAME ...]`. Each
message carries 900 labels, or features, that none had before, beside a label that follows from it; at the end
come messages with that label alone. Then labels go through a worker on a broker, which is asked for `/livez`
four times a second. Wanted: everything is answered, below 4 GiB, and the label is told at the end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream.broker import choose, free_ports
from stream.config import Settings
from stream.pipeline import make_task
from stream.records import Record
from tests.stream.live import LiveStream, until

AT_ONCE = 900
"""New labels, or feature names, of a message."""
LAST = 100
"""Messages at the end, without new names, that are scored."""
WORKER = {"ITHACA_ENCODER__PARAMETERS": "{}"}
"""The worker has the settings' defaults otherwise."""


def events(number: int, kind: str, paths: bool) -> Iterator[bytes]:
    """Yield events with so many new labels, or feature names, and then `LAST` events without."""
    for n in range(number // AT_ONCE + LAST):
        known, new = ("even", "odd")[n % 2], n < number // AT_ONCE
        names = (
            [f"{n % 7}/{n}/{place}" if paths else f"{n} {place}" for place in range(AT_ONCE)] if new else []
        )
        event: dict[str, Any] = {"id": str(n), "ts": n, "labels": [known]}
        if kind == "labels":
            event |= {"text": f"{known} number {n % 50}", "labels": [known, *names]}
        else:
            event["features"] = {known: 1.0, **dict.fromkeys(names, 1.0)}
        yield json.dumps(event).encode()


def measure(learner: str, kind: str, number: int) -> None:
    """Print what a task needs for a stream of many labels, or feature names."""
    encoder = {"labels": "hashing", "names": "dense"}[kind]
    task = make_task(Settings.model_validate({"learner": {"name": learner}, "encoder": {"name": encoder}}))
    longest, hits, began = 0.0, 0, time.perf_counter()
    values = list(events(number, kind, learner == "expansion"))
    for offset, value in enumerate(values):
        start = time.perf_counter()
        outcome = task.process([Record("s.events", 0, offset, offset, None, value)])
        longest = max(longest, time.perf_counter() - start)
        answer = json.loads(outcome.outputs[0].value or b"")
        hits += offset >= len(values) - LAST and answer["labels"] == [("even", "odd")[offset % 2]]
    seconds, figures = time.perf_counter() - began, task.model.learner.statistics()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{learner:9} {number:>9,} {kind}: {len(values):,} messages in {seconds:.0f} s, the slowest "
        f"{longest:.2f} s; {figures.labels:,} labels held, {figures.resting_labels:,} resting, "
        f"{figures.features:,} features; {peak:,.0f} MiB; {hits} % of the last right; "
        f"{task.dead_letters} dead letters",
        flush=True,
    )


def serve(learner: str, number: int) -> None:
    """Print how a worker of the stream answers `/livez`, and what it needs."""
    broker, values, answers = choose(), list(events(number, "labels", learner == "expansion")), Counter[str]()
    try:
        live = LiveStream(broker.address, f"many-labels-{uuid.uuid4().hex[:8]}")
        live.fill(values)
        [port], began, peak = free_ports(1), time.perf_counter(), 0.0
        with live.worker(ITHACA_LEARNER__NAME=learner, ITHACA_HTTP__PORT=str(port), **WORKER) as worker:
            until(lambda: asked(port) == "200")
            while worker.poll() is None and len(live.read("predictions")) < len(values):
                for _ in range(20):
                    answers[asked(port)] += 1
                    time.sleep(0.25)
                status = Path(f"/proc/{worker.pid}/status").read_text()
                peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
            ended = worker.poll()
        seconds, dead = time.perf_counter() - began, len(live.read("dlq"))
        print(
            f"{learner:9} {number:>9,} labels through a worker: {len(live.read('predictions')):,} messages "
            f"in {seconds:.0f} s; {peak:,.0f} MiB; /livez {dict(answers)}; {dead} dead letters; "
            f"{'it ran throughout' if ended is None else f'it ended with {ended}'}",
            flush=True,
        )
    finally:
        broker.stop()


def asked(port: int) -> str:
    """Return the status of `/livez`, or why there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
            return str(answer.status)
    except OSError as error:
        return type(error).__name__


def main() -> None:
    """Measure each learner in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=200_000)
    parser.add_argument("--served", type=int, default=100_000, help="labels through a worker; 0 for none")
    parser.add_argument("--learners", nargs="+", default=["ihomer", "expansion"])
    given = parser.parse_args()
    for learner in given.learners:
        for kind, number in (("labels", given.labels), ("names", given.names)):
            process = multiprocessing.get_context("spawn").Process(
                target=measure, args=(learner, kind, number)
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{learner} ended with exit status {process.exitcode}")
        if given.served:
            serve(learner, given.served)


if __name__ == "__main__":
    main()
