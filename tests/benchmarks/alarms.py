"""The largest alarms on a real stream: what the monitors say, and when.

Run `python -m tests.benchmarks.alarms EVENTS.jsonl.gz [--learner NAME] [--limit N]`. Alarms are ranked by
their statistic over its threshold; one alarm a detector and subject. For each: the time stamp of the event
at which it was raised and of the one at which it says that the change began. Then counts by detector.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from drift.alarms import Alarm
from drift.monitors import Monitors
from learners import catalogue
from stream.encoders.hashing import Hashing
from stream.events import Event
from stream.sources.jsonl import read_jsonl
from stream.task import Task

LARGEST = 10


def size(alarm: Alarm) -> float:
    """Return by what factor an alarm passed its threshold."""
    return abs(alarm.statistic) / max(alarm.threshold, 1e-12)


def main() -> None:
    """Print the largest alarms of a stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--learner", default="ihomer")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    source = read_jsonl(options.events, options.limit)
    task = Task(Hashing(), catalogue.make(options.learner), Monitors(), run="alarms", source="/alarms")
    raised: list[tuple[int, Alarm]] = []
    taught: list[str] = []
    for n in range(len(source)):
        event = source.message(n)
        if not isinstance(event, Event):
            continue
        (x,) = task.encoder.encode([event])
        alarms = task.advance(event, x).alarms
        taught += [str(event.ts)] if event.teaches else []
        raised += [(len(taught) - 1, alarm) for alarm in alarms if alarm.scope != "structure"]
    shown: set[tuple[str, str]] = set()
    for n, alarm in sorted(raised, key=lambda each: -size(each[1])):
        if (alarm.detector, alarm.subject) in shown or len(shown) == LARGEST:
            continue
        shown.add((alarm.detector, alarm.subject))
        began = taught[max(0, n - (alarm.since or 0))]
        figures = f"{alarm.before} to {alarm.after}" if alarm.before is not None else ""
        print(f"{alarm.detector} {alarm.subject}: {alarm.statistic:.3g} / {alarm.threshold:.3g} {figures}")
        print(f"   at {n}, {taught[n]}; began {alarm.since} messages before, {began}; {alarm.action}")
    print(f"{len(taught):,} messages; alarms: {dict(Counter(alarm.detector for _, alarm in raised))}")


if __name__ == "__main__":
    main()
