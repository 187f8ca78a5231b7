"""What the monitors find on streams with known drifts: delays and misses.

Run `python -m tests.benchmarks.drift [--seeds N ...] [--learner NAME] [--scale 1.0]`. Prints two tables in
Markdown. The first has a row for every kind and pattern of drift, the second one for every detector and kind;
a cell is "median / worst" of the delays in messages to the first alarm over the seeds, with the number of
seeds that it missed in brackets, "-" where it missed all. Alarms and incidents before the drift are false
and counted at the end; `false_alarms` counts them on long streams. For comparison, plain detectors get the
same series: river's ADWIN on the subset error, and, if the extra `peers` is installed, those of Frouros and
Menelaus on the error and on the vectors. A recurring drift changes twice: it comes and goes.

Targets: every planted drift is found by the monitors that are meant for it; at most 1.5 incidents for each
drift on average, and none without.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from drift.alarms import Alarm, incidents
from drift.monitors.monitors import Monitors
from learners import catalogue
from stream.encoders.dense import Dense
from stream.pipeline.task import Task
from stream.records.schema import Event
from stream.testing.synthetic import Kind, Pattern, PlantedDrift, Synthetic
from tests.benchmarks.peers import PEERS
from tests.benchmarks.timing import parser, scaled

START, AFTER, WIDTH = 2_000, 2_000, 1_000
PATTERNS: dict[Kind, tuple[Pattern, ...]] = {
    "input": get_args(Pattern),
    "prior": get_args(Pattern),
    "concept": get_args(Pattern),
    "correlation": ("sudden", "gradual", "recurring"),
    "birth": ("sudden", "gradual", "recurring"),
    "death": ("sudden", "gradual", "recurring"),
    "taxonomy": ("sudden", "gradual", "recurring"),
}
"""A drift that is drawn message by message has no intermediate state: incremental would be gradual."""
WATCHERS: dict[Kind, tuple[str, ...]] = {
    "input": ("mean/frechet", "distribution/mmd", "bytes/adwin"),
    "prior": ("label-rise/rates", "label-fall/rates"),
    "concept": ("subset-error/adwin", "jaccard-error/adwin", "hamming-error/adwin", "cluster-error/means"),
    "correlation": ("pair-jaccard/means",),
    "birth": ("label-new/rates",),
    "death": ("label-vanished/rates", "label-fall/rates"),
    "taxonomy": ("label-new/rates", "cardinality/adwin"),
}
"""The detectors that are meant for each kind of drift."""
RIVER = "river ADWIN on error"

Delays = list[int | None]
"""From a drift to the first alarm, per seed; None where there was none."""


class Run(NamedTuple):
    """One stream through one learner: the positions of each detector's alarms, and of the drift's start.

    Incidents are told by the position of their last alarm.
    """

    alarms: dict[str, list[int]]
    incidents: list[int]
    start: int

    def delay(self, names: Iterable[str]) -> int | None:
        """Return the messages from the drift to the first alarm of some detectors."""
        return min(
            (n - self.start for name in names for n in self.alarms.get(name, ()) if n >= self.start),
            default=None,
        )


def run(stream: Synthetic, learner: str, length: int, start: int = 0) -> Run:
    """Return all alarms on a stream, those of the plain detectors too."""
    task = Task(Dense(), catalogue.make(learner), Monitors(), run="benchmark", source="/benchmark")
    alarms: dict[str, list[int]] = defaultdict(list)
    every: list[tuple[int, Alarm]] = []
    errors: list[float] = []
    vectors: list[NDArray[np.float64]] = []
    for n, fields in enumerate(stream.events(length)):
        event = Event(**fields)
        (x,) = task.encoder.encode([event])
        prediction, _, raised = task.advance(event, x)
        every += [(n, alarm) for alarm in raised]
        for name in {alarm.detector for alarm in raised if alarm.scope not in ("structure", "relation")}:
            alarms[name].append(n)
        predicted = task.model.learner.label_space.names(prediction.labels)
        errors.append(float(sorted(predicted) != fields["labels"]))
        vectors.append(x.astype(np.float64))
    plain = {RIVER: on_error(errors)} | {name: detect(errors, vectors) for name, detect in PEERS.items()}
    return Run(alarms | plain, [each.last for each in incidents(every)], start)


def on_error(errors: list[float]) -> list[int]:
    """Return where river's ADWIN with its defaults detects a change of the error, in either direction."""
    kind: Any = ADWIN  # river has no types
    detector, found = kind(), []
    for n, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            found.append(n)
    return found


def scenarios() -> Iterator[tuple[Kind, Pattern]]:
    """Yield every kind of drift with its patterns."""
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            yield kind, pattern


def told(delays: Delays) -> str:
    """Return the median and the worst delay and, where there are any, how many drifts were missed."""
    found = [delay for delay in delays if delay is not None]
    missed = f" ({len(delays) - len(found)})" if len(found) < len(delays) else ""
    return f"{statistics.median(found):,.0f} / {max(found):,}{missed}" if found else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown with aligned columns."""
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in every
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def by_drift(found: dict[tuple[Kind, Pattern], list[Run]]) -> str:
    """Return the table of drifts: the detectors meant for each, any of this project, and the others'."""
    others = [RIVER, *PEERS]
    rows = []
    for (kind, pattern), runs in found.items():
        ours = {name for each in runs for name in each.alarms} - {*others}
        columns = [WATCHERS[kind], ours, *([name] for name in others)]
        delays = [told([each.delay(names) for each in runs]) for names in columns]
        rows.append([f"{kind}, {pattern}", *delays, f"{of_drift(runs):.1f}"])
    return table(["drift", "meant for it", "any monitor", *others, "incidents"], rows)


def of_drift(runs: Sequence[Run]) -> float:
    """Return the mean number of incidents after the drift's start."""
    return statistics.mean(sum(last >= each.start for last in each.incidents) for each in runs)


def by_detector(found: dict[tuple[Kind, Pattern], list[Run]]) -> str:
    """Return the table of detectors: what each finds of every kind of drift, over all patterns."""
    runs: dict[Kind, list[Run]] = defaultdict(list)
    for (kind, _), some in found.items():
        runs[kind] += some
    names = sorted({name for some in runs.values() for each in some for name in each.alarms})
    rows = [
        [name, *(told([each.delay([name]) for each in some]) for some in runs.values())] for name in names
    ]
    return table(["detector", *runs], rows)


def main() -> None:
    """Print delays by drift and by detector, and alarms before the drift."""
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments.add_argument("--learner", default="ihomer")
    options = arguments.parse_args()
    start, after, width = (scaled(messages, options.scale) for messages in (START, AFTER, WIDTH))
    found: dict[tuple[Kind, Pattern], list[Run]] = {}
    for kind, pattern in scenarios():
        streams = [
            Synthetic([PlantedDrift(kind, pattern, start, width)], seed=seed) for seed in options.seeds
        ]
        found[kind, pattern] = [run(stream, options.learner, start + after, start) for stream in streams]
        missed = sum(each.delay(WATCHERS[kind]) is None for each in found[kind, pattern])
        print(f"{kind}, {pattern}: {missed} missed by those meant for it", flush=True)
    print(f"\n{options.learner}, seeds {options.seeds}; median / worst delay in messages (missed)\n")
    print(by_drift(found), by_detector(found), sep="\n\n")
    every = [each for runs in found.values() for each in runs]
    false = {name: 0 for each in every for name in each.alarms}
    for each in every:
        for name, places in each.alarms.items():
            false[name] += sum(n < start for n in places)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(false.items()) if count)
    print(f"\nalarms in {len(every)} x {start:,} messages before the drift: {counts or 'none'}")
    before = sum(last < each.start for each in every for last in each.incidents)
    print(f"incidents: {of_drift(every):.2f} for each planted drift, {before} before")


if __name__ == "__main__":
    main()
