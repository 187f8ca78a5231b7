"""Incidents as a person wants them told: what changed, since when, at what cost, and whether it is over."""

from __future__ import annotations

import collections
import math
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from drift.alarms import ACTIONS, FINDINGS, Incident, incidents
from learners.metrics import f1
from stream.monitoring.contents import words
from stream.monitoring.health import SCORES_FELL, counted
from stream.monitoring.recent_predictions import RecentPrediction
from stream.monitoring.sentences import quoted, sentence
from stream.monitoring.stream_state import DriftEvent, PartitionState, StreamState
from stream.records import DETECTOR, DriftRecord

BEFORE, STEP, LONGEST = 500, 250, 5_000
"""Messages that a change is compared with, in each window after it, and after which it is not followed on."""
OVER = 0.03
"""Micro-F1 below that of before from which an incident is not over."""
REPORTED = 40
"""Latest incidents that are reported."""
SIGNIFICANT = 5.0
"""Standard deviations from which a word's or a label's change is told: many are looked at."""
TOLD = 4
"""Most labels, and most further changes, told of an incident."""
SEVERITIES = ("minor", "notable", "serious")
SEEN_BEFORE = 2
"""Earlier incidents of the same kind from which another one is a recurring pattern."""
Messages = Sequence[RecentPrediction]
RANKS = (
    *("subset-error", "jaccard-error", "hamming-error", "cluster-error", "label-new", "label-vanished"),
    *("labelled", "recovery", "label-rise", "label-fall", "pair-jaccard", "cardinality", "births", "delay"),
    *("mean", "distribution", "missing", "length", "calibration", "bytes", "rank", "label-returned"),
)
"""First parts of the detectors' names, the most telling one first."""
FEW, TELLING = 3, (*RANKS[:5], "labelled", "delay", "mean", "distribution", "recovery")
"""Fewer changes than this are minor, unless one of these detectors leads them."""


class Effect(NamedTuple):
    """What an incident did to the scores.

    Parameters
    ----------
    before, lowest, now
        Micro-F1 before it began, in the worst window from then until its latest alarm or soon after, and in
        the last window that is looked at. A fall that comes later is another change.
    over_after
        Messages from its beginning until the score was back; None as long as it is not, 0 if it never fell.
    """

    before: float
    lowest: float
    now: float
    over_after: int | None


class IncidentReport(NamedTuple):
    """One incident.

    Parameters
    ----------
    number
        Number of its first drift event.
    partitions
        Those where it was noticed, the first one first.
    offset, time
        Where it began on the first of them, and when.
    last
        When its latest alarm was raised.
    severity
        One of `SEVERITIES`.
    title
        What changed, in a sentence.
    also
        What else changed.
    effect
        What it did to the scores; None where the messages are no longer kept, or their truth is not known.
    labels
        Labels that are wrong more often than before, with their errors a message before and after.
    words
        Words that became more or less frequent, with their shares of the messages before and after, the most
        surprising first.
    action
        What the learner did meanwhile.
    seen_before
        Earlier incidents of mostly the same labels, or words; 0 where none of them harmed the scores as much.
    events
        Its drift events.
    """

    number: int
    partitions: list[int]
    offset: int
    time: float | None
    last: float | None
    severity: str
    title: str
    also: list[str]
    effect: Effect | None
    labels: list[tuple[str, float, float]]
    words: list[tuple[str, float, float]]
    action: str
    seen_before: int
    events: list[DriftEvent]

    @property
    def recurs(self) -> bool:
        """Whether it is a pattern that has been seen often enough to be only said."""
        return self.seen_before >= SEEN_BEFORE

    @property
    def over(self) -> bool | None:
        """Whether the scores are what they were; None if that is not known."""
        return None if self.effect is None else self.effect.over_after is not None


def findings(state: StreamState) -> list[DriftEvent]:
    """Return what was found about relations of labels and holds, the latest last.

    A proposal that was applied to the taxonomy since is none any more.
    """
    found: dict[tuple[str, str], DriftEvent] = {}
    for each in state.drift:
        if each.record.detector == DETECTOR:
            done = each.record.control
            found = {place: other for place, other in found.items() if other.record.control != done}
        if each.record.scope in FINDINGS:
            found.pop((each.record.detector, each.record.subject), None)
            if each.record.action != "withdrawn":
                found[each.record.detector, each.record.subject] = each
    return list(found.values())


def reports(state: StreamState) -> list[IncidentReport]:
    """Return the latest incidents, newest first; what was noticed on several partitions at a time is one."""
    made: dict[Hashable, IncidentReport] = {}
    told: list[IncidentReport] = []
    events = [state.placed(each) for each in state.drift]
    for number, partition in sorted(state.partitions.items()):
        grouped = incidents(_numbered(partition, [each for each in events if each.partition == number]))
        earlier: list[IncidentReport] = []
        for place, incident in list(enumerate(grouped))[-REPORTED:]:
            following = min((other.began for other in grouped[place + 1 :]), default=None)
            key = number, incident.began, len(incident.alarms), following, _followed(partition, incident)
            made[key] = state.made.get(key) or _report(partition, incident, following)
            earlier.append(_with_history(made[key], earlier))
        told += earlier
    state.made = made
    merged: list[IncidentReport] = []
    for each in sorted(told, key=lambda report: report.number):
        same = next((place for place, other in enumerate(merged) if _at_once(other, each)), None)
        if same is None:
            merged.append(each)
        else:
            merged[same] = _together(merged[same], each)
    return merged[: -REPORTED - 1 : -1]


def _followed(partition: PartitionState, incident: Incident[_Numbered]) -> int:
    """Return a number that is another one whenever it is time to look at an incident anew."""
    ago = partition.latest - incident.alarms[0][1].event.offset
    return ago // STEP if ago < LONGEST else -(ago // LONGEST)


def _at_once(one: IncidentReport, other: IncidentReport) -> bool:
    if set(one.partitions) & set(other.partitions):
        return False
    if None in (one.time, one.last, other.time, other.last):
        return abs(one.offset - other.offset) <= BEFORE
    return (one.time or 0) <= (other.last or 0) and (other.time or 0) <= (one.last or 0)


def _together(one: IncidentReport, other: IncidentReport) -> IncidentReport:
    """Return what two partitions noticed as one incident, told as the one that matters more tells it."""
    first, second = sorted((one, other), key=lambda each: -SEVERITIES.index(each.severity))
    return first._replace(
        number=one.number,
        partitions=[*first.partitions, *second.partitions],
        last=max((each.last for each in (one, other) if each.last is not None), default=None),
        events=[*one.events, *other.events],
    )


class _Numbered(NamedTuple):
    """A drift event in the form that is grouped."""

    event: DriftEvent

    @property
    def detector(self) -> str:
        return self.event.record.detector

    @property
    def scope(self) -> str:
        return self.event.record.scope

    @property
    def since(self) -> int | None:
        return self.event.record.since


def _numbered(partition: PartitionState, events: Iterable[DriftEvent]) -> list[tuple[int, _Numbered]]:
    """Return drift events with the number of messages learned by then; it is estimated for those long ago."""
    first = partition.recent.around(0, 0, 1)
    found = []
    for each in events:
        here = partition.recent.around(each.offset, 1, 1)
        if here and first and each.offset >= first[0].offset:
            number = here[-1].updates
        else:
            number = each.offset - (first[0].offset - first[0].updates if first else 0)
        found.append((number, _Numbered(each)))
    return found


def _with_history(report: IncidentReport, earlier: Sequence[IncidentReport]) -> IncidentReport:
    """Return an incident with the number of earlier ones that it is like, and what that makes of it."""
    ours = _changed(report)
    alike = [other for other in earlier if ours and 2 * len(ours & _changed(other)) >= len(ours)]
    harm = [other.effect.lowest for other in alike if other.effect]
    if report.effect and harm and report.effect.lowest < min(harm) - OVER:
        return report
    seen = report._replace(seen_before=len(alike))
    return seen._replace(severity="minor") if seen.recurs else seen


def _changed(report: IncidentReport) -> set[str]:
    """Return the labels and pairs of labels that changed, or the words where none did."""
    changes = [each.record for each in report.events if each.record.scope in ("prior", "correlation")]
    return {each.subject for each in changes} - {"stream"} or {word for word, _, _ in report.words}


def _report(
    partition: PartitionState, incident: Incident[_Numbered], following: int | None
) -> IncidentReport:
    events = [each.event for _, each in incident.alarms]
    changes = sorted((each.record for each in events if each.record.detector not in ACTIONS), key=_rank)
    first = events[0]
    begin = partition.recent.began(first.offset, incident.alarms[0][0] - incident.began)
    offset = begin.offset if begin else max(0, first.offset - (first.record.since or 0))
    before = list(partition.recent.around(offset, BEFORE, 0)) if begin else []
    after = list(partition.recent.around(offset, 0, LONGEST)) if begin else []
    alone = sum(following is None or seen.updates < following for seen in after)
    near = after[: min(alone, BEFORE)]
    last = max(each.offset for each in events if each.record.detector not in ACTIONS)
    lasted = sum(seen.offset <= last for seen in after)
    effect = _effect(before, after, min(lasted // STEP + 2, max(1, alone // STEP)))
    texts = partition.contents.text
    return IncidentReport(
        first.number,
        [first.partition],
        offset,
        begin.time if begin else first.time,
        events[-1].time,
        _severity(changes, effect),
        sentence(changes[0]),
        _also(changes),
        effect,
        _moved(_errors(before), _errors(near), rises=True)[:TOLD],
        _moved([words(texts(seen.offset)) for seen in before], [words(texts(seen.offset)) for seen in near]),
        _action(events),
        0,
        events,
    )


def _rank(drift: DriftRecord) -> tuple[int, float]:
    name = drift.detector.partition("/")[0]
    return RANKS.index(name) if name in RANKS else len(RANKS), -abs(
        (drift.after or 0.0) - (drift.before or 0.0)
    )


def _also(changes: Sequence[DriftRecord]) -> list[str]:
    """Return what else changed: the next most telling things in full, and how many more there are."""
    others = [each for each in changes[1:] if each.scope not in {"error"} or each.subject != "stream"]
    told = [sentence(each) for each in others[:TOLD]]
    left = len(others) - len(told)
    return told + ([f"and {counted(left, 'more change')}"] if left else [])


def _action(events: Sequence[DriftEvent]) -> str:
    changes = [each.record for each in events if each.record.detector == "clusters"]
    if not changes:
        return "The learner went on learning; no cluster changed"
    done = collections.Counter(each.action for each in changes)
    moved = list(dict.fromkeys(label for each in changes for label in each.labels))
    told = ", ".join(counted(n, kind) for kind, n in sorted(done.items()))
    return f"The learner restructured its label clusters: {told}" + (f", of {quoted(moved)}" if moved else "")


def _severity(changes: Sequence[DriftRecord], effect: Effect | None) -> str:
    rose = any(each.scope == "error" and each.subject == "stream" for each in changes)
    # Errors may have risen for some hundred messages only, which the effect on the scores shows.
    if rose if effect is None else effect.before - effect.lowest > SCORES_FELL:
        return "serious"
    alone = len(changes) < FEW and changes[0].detector.partition("/")[0] not in TELLING
    return "minor" if alone else "notable"


def _effect(before: Messages, after: Messages, own: int) -> Effect | None:
    """Return what a change did to the scores, of which so many windows after it began are its own."""
    windows = [
        score
        for begin in range(0, len(after) - STEP + 1, STEP)
        if (score := _micro_f1(after[begin : begin + STEP])) is not None
    ]
    usual = _micro_f1(before)
    if usual is None or not windows:
        return None
    low = min(range(min(len(windows), own)), key=windows.__getitem__)
    if windows[low] >= usual - OVER:
        return Effect(usual, windows[low], windows[-1], 0)
    back = next((place for place in range(low, len(windows)) if windows[place] >= usual - OVER), None)
    return Effect(usual, windows[low], windows[-1], None if back is None else (back + 1) * STEP)


def _micro_f1(messages: Messages) -> float | None:
    known = [seen for seen in messages if seen.truth is not None]
    if len(known) < STEP // 5:
        return None
    hits = sum(len(set(seen.labels) & set(seen.truth or ())) for seen in known)
    return f1(hits, sum(len(seen.labels) for seen in known), sum(len(seen.truth or ()) for seen in known))


def _errors(messages: Messages) -> list[set[str]]:
    return [set(seen.labels) ^ set(seen.truth) for seen in messages if seen.truth is not None]


def _moved(
    before: Sequence[set[str]], after: Sequence[set[str]], *, rises: bool = False
) -> list[tuple[str, float, float]]:
    """Return what is in more or fewer of the sets than before, beyond chance; the most surprising first."""
    if not (before and after):
        return []
    counts = [collections.Counter(thing for each in half for thing in each) for half in (before, after)]
    found = []
    for thing in sorted(counts[0] | counts[1]):
        old, new = counts[0][thing] / len(before), counts[1][thing] / len(after)
        share = (counts[0][thing] + counts[1][thing]) / (len(before) + len(after))
        deviation = math.sqrt(share * (1 - share) * (1 / len(before) + 1 / len(after))) or 1.0
        z = (new - old) / deviation
        if z > SIGNIFICANT or (not rises and z < -SIGNIFICANT):
            found.append((abs(z), thing, old, new))
    return [(thing, old, new) for _, thing, old, new in sorted(found, reverse=True)]
