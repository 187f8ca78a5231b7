"""The largest alarms on a real stream: detector, time, and the data around them.

Run `python -m tests.benchmarks.alarms EVENTS.jsonl.gz [--learner NAME] [--limit N]`. Alarms are ranked by
their statistic over its threshold, one alarm per detector and subject: first the ten largest of all, then the
two largest of every other detector. For each, the messages since the change are compared with as many before
it: time stamps, errors, labels per message, length, the labels whose share changed most, and titles of
messages since. They should show what the detector found. Then counts by detector.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from drift.alarms.alarm import Alarm
from drift.monitors.monitors import Monitors
from learners import catalogue
from stream.encoders.hashing import Hashing
from stream.pipeline.task import Task
from stream.records.schema import Event
from stream.sources.jsonl import read_jsonl

LARGEST, OF_EACH, LABELS, TITLES = 10, 2, 6, 3
SHORTEST, LONGEST = 50, 2000
"""Least and most messages compared on either side of a change."""


class Seen(NamedTuple):
    """What is kept of a message: its time stamp, labels, errors of the learner, title and length."""

    time: str
    labels: tuple[str, ...]
    mistakes: int
    title: str
    length: int


class Raised(NamedTuple):
    """An alarm and the message at which it was raised, counted among those with labels."""

    at: int
    alarm: Alarm

    @property
    def size(self) -> float:
        """Ratio of its statistic to its threshold."""
        return abs(self.alarm.statistic) / max(self.alarm.threshold, 1e-12)


def watch(path: Path, learner: str, limit: int | None) -> tuple[list[Seen], list[Raised]]:
    """Run a stream through a learner and all monitors."""
    source = read_jsonl(path, limit)
    task = Task(Hashing(), catalogue.make(learner), Monitors(), run="alarms", source="/alarms")
    seen: list[Seen] = []
    raised: list[Raised] = []
    for n in range(len(source)):
        event = source.message(n)
        if not isinstance(event, Event) or not event.teaches:
            continue
        (x,) = task.encoder.encode([event])
        prediction, _, alarms = task.advance(event, x)
        labels, text = tuple(event.labels or ()), event.text or ""
        mistakes = len({*task.model.learner.label_space.names(prediction.labels)} ^ {*labels})
        seen.append(Seen(str(event.ts), labels, mistakes, text.partition("\n")[0][:90], len(text)))
        raised += [Raised(len(seen) - 1, alarm) for alarm in alarms]
    return seen, raised


def largest(raised: Sequence[Raised]) -> Iterator[Raised]:
    """Yield the largest alarms, then the largest of each other detector."""
    told: set[tuple[str, str]] = set()
    of_detector: Counter[str] = Counter()
    for each in sorted(raised, key=lambda each: -each.size):
        about = each.alarm.detector, each.alarm.subject
        if about in told or (len(told) >= LARGEST and of_detector[each.alarm.detector] >= OF_EACH):
            continue
        told.add(about)
        of_detector[each.alarm.detector] += 1
        yield each


def shares(seen: Sequence[Seen]) -> Counter[str]:
    """Return each label's share of some messages."""
    counts = Counter(label for each in seen for label in each.labels)
    return Counter({label: count / len(seen) for label, count in counts.items()})


def account(seen: Sequence[Seen]) -> str:
    """Return a summary of some messages, in one line."""
    n = len(seen)
    wrong = sum(each.mistakes > 0 for each in seen) / n
    mistakes, labels = sum(each.mistakes for each in seen) / n, sum(len(each.labels) for each in seen) / n
    bare, length = sum(not each.labels for each in seen) / n, sorted(each.length for each in seen)[n // 2]
    return (
        f"{n} messages, {seen[0].time} to {seen[-1].time}: {wrong:.0%} wrong, {mistakes:.2f} mistakes, "
        f"{labels:.2f} labels, {bare:.0%} without, median length {length}"
    )


def explained(seen: Sequence[Seen], each: Raised) -> Iterator[str]:
    """Yield lines about an alarm and the data around it."""
    alarm, end = each.alarm, each.at + 1
    figures = f", {alarm.before:.3g} to {alarm.after:.3g}" if None not in (alarm.before, alarm.after) else ""
    yield f"{alarm.detector} {alarm.subject}: {alarm.statistic:.3g} / {alarm.threshold:.3g}{figures}"
    yield f"   at {each.at}, {seen[each.at].time}; began {alarm.since} messages before; {alarm.action}"
    length = min(max(alarm.since or 0, SHORTEST), LONGEST)
    before, after = seen[max(0, end - 2 * length) : max(1, end - length)], seen[max(1, end - length) : end]
    if not after:
        return
    yield f"   before: {account(before)}"
    yield f"   since:  {account(after)}"
    old, new = shares(before), shares(after)
    changed = sorted({*old, *new}, key=lambda label: (-abs(new[label] - old[label]), label))[:LABELS]
    yield "   labels: " + "; ".join(f"{label} {old[label]:.1%} to {new[label]:.1%}" for label in changed)
    fitting = [one for one in after if alarm.subject in one.labels] or after
    for one in fitting[:: max(1, len(fitting) // TITLES)][:TITLES]:
        yield f"   {one.time}  {one.title}  [{', '.join(one.labels)}]"


def main() -> None:
    """Print the largest alarms of a stream."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", type=Path)
    parser.add_argument("--learner", default="ihomer")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    seen, raised = watch(options.events, options.learner, options.limit)
    # Structural changes of the learner are not found by a detector, and are only counted.
    for place, each in enumerate(
        largest([one for one in raised if one.alarm.scope not in ("structure", "relation")]), start=1
    ):
        print(f"{place}.", "\n".join(explained(seen, each)), flush=True)
    print(f"{len(seen):,} messages; alarms: {dict(Counter(each.alarm.detector for each in raised))}")
    done = Counter(each.alarm.action for each in raised if each.alarm.detector == "clusters")
    print(f"changes of clusters: {dict(done)}")


if __name__ == "__main__":
    main()
