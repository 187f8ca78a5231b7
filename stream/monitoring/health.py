"""Whether a stream is healthy and its labels are good, in words; the thresholds are those of the alerts.

The alerts are in `deploy/prometheus/rules.yml`, and a test compares the thresholds with theirs.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.monitoring.series import AT, Sums, scores
from stream.monitoring.stream_state import StreamState
from stream.monitoring.vitals import Vitals

NO_WORKER_S, STALLED_S, LAG_S, SNAPSHOT_S = 120.0, 300.0, 300.0, 900.0
"""IthacaNoWorker, IthacaPartitionStalled, IthacaLag and IthacaSnapshotOld, in seconds."""
LESSONS_LAG = 1_000
"""IthacaLessonsLag, in lessons."""
DEAD_LETTERS_SHARE, DEAD_LETTERS_S = 0.05, 300.0
"""IthacaDeadLetters: a share of the events, and over how long."""
COVERAGE_SHORT, COVERAGE_AFTER = 0.05, 2_000
"""IthacaCoverageLost: how far below the wanted share, and from how many learned messages on."""
SCORES_FELL = 0.1
"""IthacaScoresFell: how far micro-F1 is below that of the last day."""
RECENT, RATE_S, DAY_S = 500.0, 60.0, 86_400.0
"""Least messages of a recent score; seconds that a rate is of; seconds that scores are compared with."""
STALE_S = 15.0
"""Seconds after which what the broker said of the workers is no longer relied on: it is asked every two."""
LOOKED_AT = 5_000
"""Latest messages of each partition of which the share without labels is told."""

LEVELS = ("note", "good", "unknown", "warn", "bad")
"""Levels of a check, the worst last. What is only noted says nothing about how things are."""


class Check(NamedTuple):
    """One thing that was looked at.

    Parameters
    ----------
    name
        What it is about, in a word or two.
    level
        One of `LEVELS`.
    text
        What was found, in a sentence with figures.
    """

    name: str
    level: str
    text: str


def worst(checks: Sequence[Check]) -> str:
    """Return the worst level of some checks, which is what they say together; "good" of none.

    Examples
    --------
    >>> worst([Check("lag", "warn", ""), Check("workers", "good", "")])
    'warn'
    """
    return max((check.level for check in checks), key=LEVELS.index, default="good")


def health(state: StreamState, now: float) -> list[Check]:
    """Return whether the service works, as of a time in seconds since 1970."""
    if state.problem:
        return [Check("Broker", "bad", f"The broker cannot be read: {state.problem}")]
    if not state.timed:
        return [Check("Source", "good", "This is a file: nobody is at work on it.")]
    return [*_workers(state, now), *_lag(state, now), _dead_letters(state, now), *_stored(state, now)]


def quality(state: StreamState, now: float, wanted_coverage: float | None) -> list[Check]:
    """Return whether the labels are good: scores, coverage, and how late the truth is."""
    return [*_scores(state, now), *_coverage(state, wanted_coverage), *_labels(state)]


def _vitals(state: StreamState, now: float) -> Vitals | None:
    """Return what the broker said lately; None where it does not say anything."""
    return state.vitals if state.vitals and now - state.vitals.asked < STALE_S else None


def _workers(state: StreamState, now: float) -> Iterator[Check]:
    vitals = _vitals(state, now)
    if vitals is None:
        lately = f"for {duration(now - state.vitals.asked)}" if state.vitals else "lately"
        yield Check(
            "Workers", "unknown", f"The broker has not told of them {lately}; the dashboard's log says why."
        )
    elif vitals.absent_since is not None:
        gone, waiting = now - vitals.absent_since, sum(vitals.lag.values())
        level = "bad" if gone >= NO_WORKER_S else "warn"
        text = f"No worker for at least {duration(gone)}, and {counted(waiting, 'event')} waiting."
        yield Check("Workers", level, text)
    else:
        members, partitions = vitals.group.members, len(vitals.group.ends)
        yield Check(
            "Workers", "good", f"{counted(members, 'worker')} for {counted(partitions, 'partition')}."
        )


def _lag(state: StreamState, now: float) -> Iterator[Check]:
    vitals = _vitals(state, now)
    if vitals is None:
        return
    still = [place for place, lag in vitals.lag.items() if lag and now - vitals.moved[place] >= STALLED_S]
    waiting = sum(vitals.lag.values())
    if not waiting:
        yield Check("Lag", "good", "Every event is answered.")
        return
    recent = state.series["minutes"].total(now - RATE_S)
    rate = (recent[AT["predictions"]] + recent[AT["dead_letters"]]) / RATE_S
    committed = vitals.group.committed
    first = [
        event.time
        for place, lag in vitals.lag.items()
        if lag and place in state.partitions
        if (event := state.partitions[place].contents.after(committed.get(place, 0) - 1))
    ]
    oldest = f"; the oldest came {duration(now - min(first))} ago" if first else ""
    work = f", {duration(waiting / rate)} of work" if rate else ", and none is being answered"
    late = waiting / max(rate, 0.1) >= LAG_S and (not first or now - min(first) >= LAG_S)
    yield Check("Lag", "warn" if late else "good", f"{counted(waiting, 'event')} waiting{work}{oldest}.")
    if still:
        names = ", ".join(map(str, still))
        since = duration(now - min(vitals.moved[place] for place in still))
        yield Check("Stalled", "bad", f"Nothing of partition {names} has been answered for {since}.")


def _dead_letters(state: StreamState, now: float) -> Check:
    recent = state.series["minutes"].total(now - DEAD_LETTERS_S)
    dead = recent[AT["dead_letters"]]
    share = dead / max(1.0, dead + recent[AT["predictions"]])
    level = "warn" if share > DEAD_LETTERS_SHARE else "good"
    if not dead and _vitals(state, now) is None:
        return Check("Dead letters", "unknown", "None has been read in the last five minutes.")
    if not dead:
        return Check("Dead letters", level, "None in the last five minutes.")
    latest = state.dead_letters[-1].reason
    return Check(
        "Dead letters",
        level,
        f"{dead:,.0f} in five minutes, {share:.1%} of the events; the latest: {latest}.",
    )


def _stored(state: StreamState, now: float) -> Iterator[Check]:
    vitals = _vitals(state, now)
    if vitals is None:
        return
    if vitals.snapshots:
        age = now - min(vitals.snapshots.values())
        busy = any(now - moved < STALLED_S for moved in vitals.moved.values())
        level = "warn" if age > SNAPSHOT_S and busy else "good"
        yield Check("Snapshots", level, f"The oldest of the newest ones was written {duration(age)} ago.")
    else:
        yield Check("Snapshots", "note", "None can be seen from here; the workers' metrics tell their age.")
    if vitals.lessons is not None:
        learned = [each.trained_through for each in state.partitions.values() if each.latest >= 0]
        behind = max(0, vitals.lessons - 1 - min(learned, default=vitals.lessons))
        level = "warn" if behind > LESSONS_LAG else "good"
        yield Check(
            "Replicas", level, f"Answers come from models at most {counted(behind, 'lesson')} behind."
        )


def recent_scores(state: StreamState) -> Sums | None:
    """Return the sums of the latest `RECENT` scored messages; None if none is scored."""
    windows = list(state.series["all"].trailing(RECENT))
    return windows[-1][1] if windows and windows[-1][1][AT["scored"]] else None


def _scores(state: StreamState, now: float) -> Iterator[Check]:
    recent = recent_scores(state)
    lately = scores(recent) if recent else None
    if recent is None or lately is None:
        yield Check("Scores", "unknown", "No true labels have been seen, with the events or as feedback.")
        return
    longer = state.series["day"].total(now - DAY_S) if state.timed else state.series["all"].total()
    before = scores([a - b for a, b in zip(longer, recent, strict=True)])
    name = "the last day" if state.timed else "before"
    text = f"Micro-F1 {lately['micro_f1']:.2f} over the latest {lately['messages']:,.0f} labelled messages"
    fell = (
        before is not None
        and before["messages"] >= RECENT
        and before["micro_f1"] - lately["micro_f1"] > SCORES_FELL
    )
    if before is not None and before["messages"] >= RECENT:
        text += f", {before['micro_f1']:.2f} {name}"
    text += f"; repeating the previous labels gets {lately['persistence_micro_f1']:.2f}."
    useless = lately["micro_f1"] <= lately["persistence_micro_f1"]
    yield Check("Scores", "warn" if fell or useless else "good", text)


def _coverage(state: StreamState, wanted: float | None) -> Iterator[Check]:
    recent = recent_scores(state)
    if wanted is None or recent is None or not recent[AT["judged"]]:
        return
    coverage = recent[AT["covered"]] / recent[AT["judged"]]
    enough = sum(each.updates for each in state.partitions.values()) > COVERAGE_AFTER
    level = "warn" if enough and coverage < wanted - COVERAGE_SHORT else "good"
    yield Check(
        "Coverage", level, f"{coverage:.0%} of the label sets hold all true labels; wanted: {wanted:.0%}."
    )


def _labels(state: StreamState) -> Iterator[Check]:
    latest = [seen for each in state.partitions.values() for seen in each.recent.latest()[:LOOKED_AT]]
    if not latest:
        return
    without = sum(seen.known is None for seen in latest) / len(latest)
    text = f"{without:.0%} of the latest {len(latest):,} messages have none yet."
    if state.label_delays:
        text = (
            f"They come {duration(statistics.median(state.label_delays))} after their events (median); {text}"
        )
    yield Check("True labels", "good" if without < 1 else "unknown", text)


def duration(seconds: float) -> str:
    """Return a time span in words.

    Examples
    --------
    >>> duration(0.25), duration(95), duration(4000), duration(200_000)
    ('0.2 s', '95 s', '67 min', '56 h')
    """
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    for size, unit in ((1, "s"), (60, "min"), (3600, "h"), (86_400, "days")):
        if seconds < 120 * size or unit == "days":
            break
    return f"{seconds / size:.0f} {unit}"


def counted(number: float, thing: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "event"), counted(1200, "event")
    ('1 event', '1,200 events')
    """
    return f"{number:,.0f} {thing}{'' if number == 1 else 's'}"
