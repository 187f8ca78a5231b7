"""The dashboard's cost: reading records, answering each view, and what its records add to a message.

Run `python -m tests.benchmarks.dashboard [--labels 10000] [--messages 3000]`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import msgspec

from learners import IHOMER
from stream.dashboard import drift_views, label_views, message_views, views
from stream.encoders import Hashing
from stream.monitoring.stream_state import StreamState
from stream.pipeline.model import EXPLAINED, NEAREST
from stream.records.decoding import decode_event
from stream.records.predictions import PredictionRecord
from stream.records.schema import encode
from tests.stream.monitoring.streams import as_read, fed, outputs, thousands

REPEATS = 7


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median CPU time of some work."""
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return statistics.median(taken)


def page(state: StreamState) -> None:
    """Print each view's time and size."""
    answers: dict[str, Callable[[], object]] = {
        "overview": lambda: views.overview(state, "all"),
        "drift": lambda: drift_views.drifts(state, {}),
        "labels": lambda: label_views.labels(state, "change", "", 0),
        "labels, searched": lambda: label_views.labels(state, "change", "topic-99", 0),
        "clusters": lambda: label_views.clusters(state, 0),
        "messages": lambda: message_views.messages(state, "wrong", "", ""),
    }
    for name, answer in answers.items():
        size = len(msgspec.json.encode(answer()))
        print(f"{name:18} {milliseconds(answer):8.1f} ms {size / 1000:8.1f} kB")


def records(messages: int) -> None:
    """Print how fast records are read, and the page's share of the output."""
    learner = IHOMER()
    made = outputs(messages, learner)
    written = as_read(made)
    spent = milliseconds(lambda: fed("m", written))
    print(f"taking in          {1000 * spent / messages:8.1f} µs a message")
    sizes = {"predictions": 0, "label-stats": 0}
    plain = 0
    for _, output in made:
        if output.kind in sizes:
            sizes[output.kind] += len(output.value or b"") + sum(len(value) for _, value in output.headers)
        if output.kind == "predictions":
            record = msgspec.json.decode(output.value or b"", type=PredictionRecord)
            plain += len(output.value or b"") - len(
                encode(msgspec.structs.replace(record, why=None, truth=None))
            )
    each = sizes["predictions"] / messages
    print(f"predictions        {each:8.0f} B a message, {plain / messages:.0f} of them truth and why")
    print(f"label statistics   {sizes['label-stats'] / messages:8.0f} B a message")
    (x,) = Hashing().encode([decode_event(made[-1][0].value)])
    prediction = learner.predict(x)
    spent = milliseconds(lambda: [learner.explain(prediction, EXPLAINED, NEAREST) for _ in range(1_000)])
    print(f"explaining         {spent:8.1f} µs a message")


def main() -> None:
    """Print the cost of the page and its records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=3_000)
    arguments = parser.parse_args()
    page(thousands(arguments.labels))
    records(arguments.messages)


if __name__ == "__main__":
    main()
