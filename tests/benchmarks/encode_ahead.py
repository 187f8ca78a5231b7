"""What encoding ahead gains: events a second with and without it, in turn, by kind of encoder.

Run `python -m tests.benchmarks.encode_ahead [--events 600] [--wait 5] [--model FOLDER] [--runs 3]`. Events
are processed in batches, as a worker does, by a task with the default learner. `waiting` encodes with
`hashing` and then waits so many milliseconds a text without computing, as for a device or a service: at best
a message costs the longer of both, and without encoding ahead their sum. With `--model`, a folder with a
sentence-transformers model, that is measured too; it computes on the same cores as the learner.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from drift.monitors import Monitors
from learners import make
from stream.encoders import Encoder, Hashing, Transformer, limit_threads
from stream.pipeline import Task, warm_up
from stream.records import Event, Record
from tests.benchmarks.encoder_hashing import made_texts
from tests.stream.standins import records

BATCH = 32


class Waiting(Hashing):
    """Hashes, and waits for something that is not computed here."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(device="cpu")
        self._wait_s = wait_s

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Return the vectors, so many seconds per event later."""
        time.sleep(self._wait_s * len(events))
        return super().encode(events)


def rate(encoder: Encoder, given: Sequence[Record], *, ahead: bool) -> float:
    """Return the events a second that a task with this encoder processes."""
    task = Task(encoder, make("ihomer"), Monitors(), run="benchmark", source="/benchmark")
    batches = [given[start : start + BATCH] for start in range(0, len(given), BATCH)]
    start = time.perf_counter()
    with ThreadPoolExecutor(1) as thread:
        for number, batch in enumerate(batches):
            if ahead:
                # This batch, unless it was the next one before, and the next one.
                for coming in batches[number + (number > 0) : number + 2]:
                    task.encode_ahead(coming, thread)
            task.process(batch)
    return len(given) / (time.perf_counter() - start)


def event(number: int, text: str) -> bytes:
    """Return an event whose labels are its first two words."""
    return json.dumps({"id": str(number), "ts": number, "text": text, "labels": text.split()[:2]}).encode()


def main() -> None:
    """Measure each encoder in turn without and with encoding ahead."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--wait", type=float, default=5.0, help="milliseconds that `waiting` waits per text")
    parser.add_argument("--model", help="folder with a sentence-transformers model")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    limit_threads()
    encoders: dict[str, Encoder] = {"hashing": Hashing(), "waiting": Waiting(arguments.wait / 1e3)}
    if arguments.model:
        encoders["transformer"] = Transformer(arguments.model)
    given = records([event(number, text) for number, text in enumerate(made_texts(arguments.events, 300))])
    warm_up(Task(Hashing(), make("ihomer"), Monitors(), run="", source=""), lambda line: None)
    print("encoder      one after the other   encoded ahead   ratio")
    for name, encoder in encoders.items():
        rates = [
            [rate(encoder, given, ahead=ahead) for ahead in (False, True)] for _ in range(arguments.runs)
        ]
        before, after = (statistics.median(column) for column in zip(*rates, strict=True))
        ratio = statistics.median(after / before for before, after in rates)
        print(f"{name:<12}{before:>18,.0f}/s{after:>14,.0f}/s{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
