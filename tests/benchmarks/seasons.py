"""What is said of changes that recur: incidents for each cycle of day and night, and of a drift after them.

Run `python -m tests.benchmarks.seasons [--kinds prior ...] [--cycles 8] [--learner NAME] [--seeds N ...]`.
Old and new state of a planted drift alternate; after the cycles another drift, which nothing can mistake for
a season, swaps what labels mean. Alarms are what the monitors write. An incident that is *said* is named as
recurring and is minor; all others are *alarmed*.

Target: from the third cycle on nothing is alarmed but the last drift, which is serious.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple, get_args

import msgspec

from drift.monitors.monitors import Monitors
from learners import catalogue
from stream.encoders.dense import Dense
from stream.monitoring import IncidentReport, StreamState, reports
from stream.pipeline.task import Task
from stream.testing.synthetic import Kind, PlantedDrift, Synthetic
from tests.benchmarks.drift import START, table
from tests.benchmarks.incidents import read
from tests.benchmarks.timing import parser, scaled

SEVERITIES = ("minor", "notable", "serious")
HALF = 1_000
"""Messages of a day, and of a night."""


class Told(NamedTuple):
    """What was told of one stream: incidents with the number of their cycle, from 0; alarms of each cycle."""

    incidents: list[tuple[int, IncidentReport]]
    alarms: list[int]


def watch(kind: Kind, learner: str, cycles: int, seed: int, half: int, start: int) -> Told:
    """Return what is told of a stream of which one drift recurs, before a last one."""
    end = start + 2 * half * cycles
    drifts = [PlantedDrift(kind, "recurring", start, half), PlantedDrift("concept", "sudden", end)]
    task = Task(Dense(), catalogue.make(learner), Monitors(), run="seasons", source="/seasons")
    events = Synthetic(drifts, seed=seed).events(end + 2 * half)
    state = StreamState("s")
    for each in read(task, (msgspec.json.encode(event) for event in events)):
        state.take(each)
    told = [((each.offset - start) // (2 * half), each) for each in reversed(reports(state))]
    alarms = [0] * (cycles + 1)
    for event in state.drift:
        cycle = (event.offset - start) // (2 * half)
        if cycle >= 0 and event.record.scope not in ("relation", "structure"):
            alarms[min(cycle, cycles)] += 1
    return Told(told, alarms)


def row(cycle: str, told: Sequence[tuple[list[IncidentReport], int]]) -> list[str]:
    """Return what is told of one cycle, over some streams."""
    incidents = [each for reported, _ in told for each in reported]
    said = sum(each.recurs for each in incidents)
    counts = [sum(each.severity == name and not each.recurs for each in incidents) for name in SEVERITIES]
    alarms = statistics.mean(alarms for _, alarms in told)
    return [cycle, f"{alarms:.1f}", *(f"{n / len(told):.1f}" for n in (said, *counts))]


def main() -> None:
    """Print a table for each kind: what is told of each cycle, and of the drift after them."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--kinds", nargs="+", choices=get_args(Kind), default=["prior", "input", "correlation"]
    )
    arguments.add_argument("--cycles", type=int, default=8)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments.add_argument("--learner", default="ihomer")
    options = arguments.parse_args()
    half, start = scaled(HALF, options.scale), scaled(START, options.scale)
    for kind in options.kinds:
        found = [watch(kind, options.learner, options.cycles, seed, half, start) for seed in options.seeds]
        rows = []
        for cycle in range(options.cycles + 1):
            told = [([each for at, each in one.incidents if at == cycle], one.alarms[cycle]) for one in found]
            rows.append(row(str(cycle + 1) if cycle < options.cycles else "drift", told))
        print(f"\n{kind}: means over {len(found)} streams\n")
        print(table(["cycle", "alarms", "said", *SEVERITIES], rows), flush=True)


if __name__ == "__main__":
    main()
