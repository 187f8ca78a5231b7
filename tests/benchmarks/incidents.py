"""Incidents of a real stream as the dashboard tells them, each beside the data around its beginning.

Run `python -m tests.benchmarks.incidents EVENTS.jsonl.gz [--learner NAME] [--limit N]`. For each incident, at
most 1,000 messages before and after its beginning are compared: right label sets, labels a message, and the
labels whose shares differ most, in standard deviations. They should show what the incident says; one for
which they show nothing is noise.
"""

from __future__ import annotations

import argparse
import collections
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drift.monitors.monitors import Monitors
from learners import catalogue
from learners.uncertainty.conformal import Conformal
from stream.encoders.hashing import Hashing
from stream.monitoring import InputRecord, OutputRecord, RecentPrediction, StreamState, reports
from stream.pipeline.task import Task
from stream.records.schema import Record
from stream.sources.base import read_lines
from tests.stream.monitoring.streams import as_read

EITHER, LABELS = 1_000, 5


def read(task: Task, values: Iterable[bytes]) -> Iterator[InputRecord | OutputRecord]:
    """Yield what the dashboard reads of events that go through a task."""
    for offset, value in enumerate(values):
        record = Record("s.events", 0, offset, 1_000 * offset, None, value)
        yield from as_read((record, output) for output in task.process([record]).outputs)


def compared(before: Sequence[RecentPrediction], after: Sequence[RecentPrediction]) -> Iterator[str]:
    """Yield, line by line, how the messages after a place differ from those before it."""
    for name, half in (("before", before), ("after", after)):
        known = [each for each in half if each.truth is not None]
        right = sum(not each.wrong for each in known) / max(1, len(known))
        carried = sum(len(each.truth or ()) for each in known) / max(1, len(known))
        yield f"{name:6} {len(half):5} messages, {right:.1%} right, {carried:.2f} labels a message"
    counts = [
        collections.Counter(label for each in half for label in each.truth or ()) for half in (before, after)
    ]
    found = []
    for label in sorted(counts[0] | counts[1]):
        shares = [
            count[label] / max(1, len(half)) for count, half in zip(counts, (before, after), strict=True)
        ]
        both = (counts[0][label] + counts[1][label]) / (len(before) + len(after))
        spread = math.sqrt(both * (1 - both) * (1 / max(1, len(before)) + 1 / max(1, len(after)))) or 1.0
        found.append(((shares[1] - shares[0]) / spread, label, shares[0], shares[1]))
    for z, label, old, new in sorted(found, key=lambda each: -abs(each[0]))[:LABELS]:
        yield f"{label}: {old:.1%} -> {new:.1%}, {z:+.1f} sd"


def main() -> None:
    """Print the incidents, the first one first."""
    assert __doc__
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("path", type=Path)
    options.add_argument("--learner", default="ihomer")
    options.add_argument("--limit", type=int)
    given = options.parse_args()
    learner = catalogue.make(given.learner)
    task = Task(Hashing(), learner, Monitors(), run="incidents", source="/incidents", confidence=Conformal())
    state = StreamState("s")
    for each in read(task, (value for _, value in read_lines(given.path, given.limit))):
        state.take(each)
    told = reports(state)
    recent = state.partitions[0].recent
    print(f"{len(told)} incidents of {len(state.drift)} drift events")
    for report in reversed(told):
        kinds = collections.Counter(each.record.detector for each in report.events)
        print(f"\noffset {report.offset}, {report.severity}: {report.title}")
        print(f"  {report.effect}; alarms: {dict(kinds)}")
        for line in [
            *report.also,
            *compared(recent.around(report.offset, EITHER, 0), recent.around(report.offset, 0, EITHER)),
        ]:
            print(f"  {line}")


if __name__ == "__main__":
    main()
