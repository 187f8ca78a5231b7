"""The cost of a snapshot with the default learner at 1,000 labels: pause of the stream, file, restoration.

Run `python -m tests.benchmarks.snapshots [--scale 1.0]`.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time

from drift.core import digest
from stream.config.settings import Settings
from stream.pipeline.factory import make_task
from stream.pipeline.task import Task
from stream.records.schema import Record
from stream.snapshot import Identity, Keeper, Store, recover, take
from tests.benchmarks.timing import parser, scaled

LABELS = 1_000
MESSAGES = 2_000
RUNS = 9


def messages(count: int) -> list[Record]:
    """Return so many events with words and labels of very different frequency; every label occurs."""
    rng = random.Random(0)
    values = []
    for number in range(count):
        labels = {f"label{int(rng.paretovariate(0.5)) % LABELS}" for _ in range(4)}
        labels.add(f"label{number % LABELS}")
        text = " ".join(f"word{rng.randrange(5_000)}" for _ in range(30))
        values.append({"id": str(number), "ts": 0, "text": text, "labels": sorted(labels)})
    return [
        Record("s.events", 0, offset, 0, None, json.dumps(value).encode())
        for offset, value in enumerate(values)
    ]


def stages(task: Task, identity: Identity) -> dict[str, list[float]]:
    """Return the parts of the stream's pause, in seconds of processor time."""
    measured: dict[str, list[float]] = {"asking for the state": [], "all, first": [], "all, later": []}
    spare = take(task, identity)
    for _ in range(RUNS):
        for name, part in (
            ("asking for the state", task.state),
            ("all, first", lambda: take(task, identity)),
            ("all, later", lambda: take(task, identity, spare)),
        ):
            began = time.process_time()
            part()
            measured[name].append(time.process_time() - began)
    return measured


def main() -> None:
    """Print medians and maxima."""
    count = scaled(MESSAGES, parser(__doc__).parse_args().scale)
    settings = Settings.model_validate({"stream": "s"})
    task = make_task(settings)
    task.process(messages(count))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, "group", Identity("s.events", "id", 0, settings.configuration))
        keeper, stalls, writes, restores = Keeper(store), [], [], []
        for _ in range(RUNS):
            stalls.append(keeper.save(task))
            keeper.wait(None)
            began = time.perf_counter()
            size = store.write(take(task, store.identity))
            writes.append(time.perf_counter() - began)
            began = time.perf_counter()
            back = recover(
                lambda live_from: make_task(settings, live_from),
                store,
                committed=task.next_offset,
                beginning=0,
            )
            restores.append(time.perf_counter() - began)
        assert digest(back.task.state()) == digest(task.state())
    print(f"{LABELS} labels, {count} messages, {settings.encoder.name}, {settings.learner.name}")
    print(f"file: {size / 1e6:.1f} MB")
    for name, seconds in stages(task, store.identity).items():
        print(f"of the wait, processor time: {name}: median {statistics.median(seconds) * 1e3:.1f} ms")
    for name, seconds in (("stream waits", stalls), ("write", writes), ("restore", restores)):
        print(f"{name}: median {statistics.median(seconds) * 1e3:.0f} ms, most {max(seconds) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
