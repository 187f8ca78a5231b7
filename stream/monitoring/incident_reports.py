"""Incidents as a person wants them told: what changed, since when, at what cost, and whether it is over."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from drift.alarms import ACTIONS, FINDINGS, SLACK, Incident, incidents
from stream.monitoring.effects import (
    OVER,
    STEP,
    ClusterEffect,
    Effect,
    differences,
    effect_on_cluster,
    effect_on_scores,
)
from stream.monitoring.health import SCORES_FELL
from stream.monitoring.sentences import also, restructured, sentence
from stream.monitoring.stream_state import DriftEvent, PartitionState, StreamState
from stream.records import DETECTOR, DriftRecord

BEFORE, LONGEST = 500, 5_000
"""Messages that a change is compared with, and after which it is not followed on."""
REPORTED = 40
"""Latest incidents that are reported."""
TOLD = 4
"""Most labels, segments, and further changes, told of an incident."""
SEVERITIES = ("minor", "notable", "serious")
SEEN_BEFORE = 2
"""Earlier incidents of the same kind from which another one is a recurring pattern."""
RANKS = (
    *("subset-error", "jaccard-error", "hamming-error", "cluster-error", "label-new", "label-vanished"),
    *("labelled", "recovery", "label-rise", "label-fall", "pair-jaccard", "cardinality", "births", "delay"),
    *("mean", "distribution", "missing", "length", "calibration", "bytes", "rank", "label-returned"),
)
"""First parts of the detectors' names, the most telling one first."""
FEW, TELLING = 3, (*RANKS[:5], "labelled", "delay", "mean", "distribution", "recovery")
"""Fewer changes than this are minor, unless one of these detectors leads them."""


class IncidentReport(NamedTuple):
    """One incident.

    Parameters
    ----------
    number
        Number of its first drift event.
    partitions
        Those where it was noticed, the first one first.
    offset, time
        Where the change that its title tells began on the first of them, and when.
    quiet, noticed
        Offset where the earliest of its changes began, so that the messages before are those of before; and
        of the alarm that its title tells.
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
    cluster
        What it did to the cluster of the first of `labels`; None where there is none.
    labels, segments, words
        As in `Differences`, of up to 500 messages before and after.
    action
        What the learner did until it was over, or soon after its latest alarm; see `_credited`.
    seen_before
        Earlier incidents of mostly the same labels, or words; 0 where none of them harmed the scores as much.
    events
        Its drift events.
    """

    number: int
    partitions: list[int]
    offset: int
    time: float | None
    quiet: int
    noticed: int
    last: float | None
    severity: str
    title: str
    also: list[str]
    effect: Effect | None
    cluster: ClusterEffect | None
    labels: list[tuple[str, float, float]]
    segments: list[tuple[str, float, float]]
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
            made[key] = state.made.get(key) or _report(state, partition, incident, following)
            earlier.append(_with_history(made[key], earlier))
        told += _credited(partition, earlier, [each for each in events if each.partition == number])
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


def _credited(
    partition: PartitionState, told: Sequence[IncidentReport], events: Iterable[DriftEvent]
) -> list[IncidentReport]:
    """Return incidents with the changes of clusters that came later than soon after their alarms.

    What came sooner is among the incidents' events already; see `drift.alarms.incidents`. A later one is an
    incident's if it came before that was over, or moved a label that it hit; the latest one's of several.
    """
    known = {each.number for report in told for each in report.events}
    credited = {report.number: list(report.events) for report in told}
    followed = [(report, *_followed_until(partition, report)) for report in reversed(told)]
    for each in events:
        if each.record.detector == "clusters" and each.number not in known:
            for report, over, last in followed:
                hit = {label for label, _, _ in report.labels}
                until = over if hit.isdisjoint(each.record.labels) else last
                if report.noticed <= each.offset <= until:
                    credited[report.number].append(each)
                    break
    return [
        report._replace(events=found, action=restructured([each.record for each in found]))
        for report in told
        for found in [sorted(credited[report.number], key=lambda each: each.number)]
    ]


def _followed_until(partition: PartitionState, report: IncidentReport) -> tuple[int, int]:
    """Return the offsets of the message with which an incident was over, and of the last one looked at."""
    followed = partition.recent.around(report.offset, 0, LONGEST)
    if report.effect is None or not followed:
        return -1, -1
    over = report.effect.over_after
    last = followed[-1].offset
    return last if over is None else followed[min(over, len(followed)) - 1].offset if over else -1, last


def restructurings(state: StreamState, told: Sequence[IncidentReport]) -> list[DriftEvent]:
    """Return the changes of clusters that belong to none of the incidents, the latest last.

    Parameters
    ----------
    state
        The stream.
    told
        What `reports` returned. What came before the first of them is left out if there may be earlier ones.
    """
    credited = {each.number for report in told for each in report.events}
    since = min(credited, default=0) if len(told) == REPORTED else 0
    return [
        state.placed(each)
        for each in state.drift
        if each.record.detector == "clusters" and each.number not in credited and each.number > since
    ]


def _report(
    state: StreamState, partition: PartitionState, incident: Incident[_Numbered], following: int | None
) -> IncidentReport:
    events = [each.event for _, each in incident.alarms]
    raised = [(number, each.event) for number, each in incident.alarms if each.detector not in ACTIONS]
    raised.sort(key=lambda each: _rank(each[1].record))
    changes, first = [each.record for _, each in raised], events[0]
    begin, quiet = (
        partition.recent.began(first.offset, incident.alarms[0][0] - number)
        for number in _beginnings(incident, raised)
    )
    offset = begin.offset if begin else max(0, first.offset - (first.record.since or 0))
    before = partition.recent.around(quiet.offset, BEFORE, 0) if quiet else []
    after = partition.recent.around(offset, 0, LONGEST) if begin else []
    alone = sum(following is None or seen.updates < following for seen in after)
    near = after[: min(alone, BEFORE)]
    last = max(each.offset for _, each in raised)
    lasted = sum(seen.offset <= last for seen in after)
    effect = effect_on_scores(before, after, min(lasted // STEP + 2, max(1, alone // STEP)))
    found = differences(before, near, partition.contents.text)
    clusters = state.labels.of_cluster(first.partition)
    return IncidentReport(
        first.number,
        [first.partition],
        offset,
        begin.time if begin else first.time,
        quiet.offset if quiet else offset,
        raised[0][1].offset,
        events[-1].time,
        _severity(changes, effect),
        sentence(changes[0]),
        also(changes[1:], TOLD),
        effect,
        effect_on_cluster(clusters, found.labels[0][0], before, near) if found.labels else None,
        found.labels[:TOLD],
        found.segments[:TOLD],
        found.words,
        restructured([each.record for each in events]),
        0,
        events,
    )


def _beginnings(incident: Incident[_Numbered], raised: Sequence[tuple[int, DriftEvent]]) -> tuple[int, int]:
    """Return the numbers of the messages at which the most telling change began, and the earliest one.

    Echoes are left out: they tell of a beginning that is far from the others'.
    """
    told = [number - (each.record.since or 0) for number, each in raised]
    near = [each for each in told if abs(each - incident.began) <= SLACK]
    return (told[0] if told[0] in near else incident.began), min(near)


def _rank(drift: DriftRecord) -> tuple[int, float]:
    name = drift.detector.partition("/")[0]
    return RANKS.index(name) if name in RANKS else len(RANKS), -abs(
        (drift.after or 0.0) - (drift.before or 0.0)
    )


def _severity(changes: Sequence[DriftRecord], effect: Effect | None) -> str:
    rose = any(each.scope == "error" and each.subject == "stream" for each in changes)
    # Errors may have risen for some hundred messages only, which the effect on the scores shows.
    if rose if effect is None else effect.before - effect.lowest > SCORES_FELL:
        return "serious"
    alone = len(changes) < FEW and changes[0].detector.partition("/")[0] not in TELLING
    return "minor" if alone else "notable"
