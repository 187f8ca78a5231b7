"""What the monitors find on streams whose drifts are known, how late, and what they make up.

Run `python -m tests.benchmarks.drift [--seeds N ...] [--learner NAME]`. For every kind and pattern
of drift: the median delay in messages to each detector's first alarm, and how many of the seeds it missed.
Alarms before the drift, and those on stationary streams, are false. Beside the monitors stand plain
detectors on the same series: river's ADWIN on the subset error, and, where the extra `peers` is installed,
those of Frouros and Menelaus on the error and on the vectors.

Wanted: no more than one false alarm a detector in 100,000 messages, and every planted drift found by the
monitor that watches for it.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from drift.monitors import Monitors
from learners import catalogue
from stream.encoders.dense import Dense
from stream.events import Event
from stream.synthetic import Drift, Kind, Pattern, Synthetic
from stream.task import Task
from tests.benchmarks.peers import PEERS

STATIONARY, START, AFTER = 10_000, 2_000, 2_000
PATTERNS: dict[Kind, tuple[Pattern, ...]] = {
    "input": get_args(Pattern),
    "prior": get_args(Pattern),
    "concept": get_args(Pattern),
    "correlation": ("sudden", "gradual"),
    "birth": ("sudden",),
    "death": ("sudden",),
    "taxonomy": ("sudden", "gradual"),
}
WATCHER: dict[Kind, tuple[str, ...]] = {
    "input": ("mean/frechet", "distribution/mmd"),
    "prior": ("label-rise", "label-fall"),
    "concept": ("subset-error", "cluster-error"),
    "correlation": ("pair-jaccard",),
    "birth": ("label-new",),
    "death": ("label-vanished",),
    "taxonomy": ("label-new", "cardinality"),
}
"""Which detectors each kind of drift is planted for."""


class Run(NamedTuple):
    """One stream through one learner: where each detector raised alarms."""

    alarms: dict[str, list[int]]
    messages: int


def run(stream: Synthetic, learner: str, length: int) -> Run:
    """Return all alarms on a stream, those of the plain detectors too."""
    task = Task(Dense(), catalogue.make(learner), Monitors(), run="benchmark", source="/benchmark")
    alarms: dict[str, list[int]] = defaultdict(list)
    errors: list[float] = []
    vectors: list[NDArray[np.float64]] = []
    for n, fields in enumerate(stream.events(length)):
        event = Event(**fields)
        (x,) = task.encoder.encode([event])
        prediction, _, raised = task.advance(event, x)
        for name in {alarm.detector for alarm in raised if alarm.scope != "structure"}:
            alarms[name].append(n)
        predicted = task.learner.label_space.names(prediction.labels)
        errors.append(float(sorted(predicted) != fields["labels"]))
        vectors.append(x.astype(np.float64))
    plain = {"river ADWIN on error": on_error(errors), **peers(errors, vectors)}
    return Run(alarms | plain, length)


def on_error(errors: list[float]) -> list[int]:
    """Return where river's ADWIN with its defaults sees the error change, either way."""
    kind: Any = ADWIN  # river leaves it untyped
    detector, found = kind(), []
    for n, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            found.append(n)
    return found


def peers(errors: list[float], vectors: list[NDArray[np.float64]]) -> dict[str, list[int]]:
    """Return where other libraries' detectors see something; empty where none is installed."""
    return {name: detect(errors, vectors) for name, detect in PEERS.items()}


def scenarios() -> Iterator[tuple[Kind, Pattern]]:
    """Yield every kind of drift with its patterns."""
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            yield kind, pattern


def told(delays: list[int | None]) -> str:
    """Return the median delay and, where there are any, how often it was missed."""
    found = [delay for delay in delays if delay is not None]
    missed = f" ({len(delays) - len(found)} missed)" if len(found) < len(delays) else ""
    return f"{statistics.median(found):,.0f}{missed}" if found else "-"


def main(say: Callable[[str], None]) -> None:
    """Print delays by drift and detector, and false alarms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--learner", default="ihomer")
    options = parser.parse_args()
    false: dict[str, int] = defaultdict(int)
    messages = 0
    say(f"{options.learner}, seeds {options.seeds}; median delay in messages")
    for kind, pattern in scenarios():
        delays: dict[str, list[int | None]] = defaultdict(list)
        runs = []
        for seed in options.seeds:
            drifts = [Drift(kind, pattern, START, 1000)]
            runs.append(run(Synthetic(drifts, seed=seed), options.learner, START + AFTER))
        for each in runs:
            messages += START
            for name in {name for other in runs for name in other.alarms}:
                found = each.alarms.get(name, [])
                false[name] += sum(n < START for n in found)
                delays[name].append(next((n - START for n in found if n >= START), None))
        shown = {
            name: told(delay) for name, delay in sorted(delays.items()) if any(d is not None for d in delay)
        }
        say(f"{kind}, {pattern}: " + "; ".join(f"{name} {text}" for name, text in shown.items()))
        if not any(name.startswith(WATCHER[kind]) for name in shown):
            say(f"   MISSED by {', '.join(WATCHER[kind])}")
    for seed in options.seeds:
        stationary = run(Synthetic(seed=100 + seed), options.learner, STATIONARY)
        messages += STATIONARY
        for name, found in stationary.alarms.items():
            false[name] += len(found)
    say(f"false alarms per 100,000 of {messages:,} messages without drift (0 where not named):")
    for name, count in sorted(false.items()):
        if count:
            say(f"   {name}: {count / messages * 1e5:.1f} ({count})")


if __name__ == "__main__":
    main(lambda line: print(line, flush=True))
