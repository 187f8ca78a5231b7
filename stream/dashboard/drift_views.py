"""Contents of the view of drift; see `views`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from drift.alarms import FINDINGS
from stream.dashboard.message_views import row
from stream.monitoring import (
    BEFORE,
    LONGEST,
    RECENT,
    Buckets,
    DriftEvent,
    IncidentReport,
    MonitorLevels,
    RecentPrediction,
    StreamState,
    decision_on,
    findings,
    reports,
    restructurings,
    scores,
    sentence,
)
from stream.records import TriageRecord

Json = dict[str, Any]
EVENTS = 150
"""Drift events and findings sent at a time."""
WORDS = 4
"""Words told of an incident."""
FACETS = "scope", "detector", "subject"
"""Fields by which drift events can be filtered."""
SEVERITIES = ("serious", "notable", "minor")


ROLLED = ("subset_accuracy", "micro_f1", "persistence_subset_accuracy", "persistence_micro_f1")


def rolling(series: Buckets) -> Json:
    """Return scores over a rolling window, by name, with their positions."""
    found: Json = {"at": [], **{name: [] for name in ROLLED}}
    for at, sums in series.trailing(RECENT):
        here = scores(sums)
        found["at"].append(at)
        for name in ROLLED:
            found[name].append(None if here is None else round(here[name], 4))
    return found


def standing(state: StreamState, now: float) -> list[TriageRecord]:
    """Return the decisions that have not ended, the latest first."""
    found = [each for each in state.triage.values() if each.what != "dead-letter" and each.stands(now)]
    return sorted(found, key=lambda each: each.at, reverse=True)


def unattended(told: Sequence[IncidentReport], decisions: Sequence[TriageRecord]) -> list[IncidentReport]:
    """Return the incidents that are not over, are no recurring pattern, and that nobody has seen to."""
    return [
        each
        for each in told
        if each.over is False and not each.recurs and decision_on(each.events, decisions) is None
    ]


def important(told: Sequence[IncidentReport], decisions: Sequence[TriageRecord]) -> list[IncidentReport]:
    """Return incidents by importance: unattended ones, then the worst, then the newest."""
    first = {each.number for each in unattended(told, decisions)}
    return sorted(
        told, key=lambda each: (each.number not in first, SEVERITIES.index(each.severity), -each.number)
    )


def triage_row(decision: TriageRecord) -> Json:
    """Return a decision with its key, and its times in seconds since 1970."""
    return {
        **msgspec.to_builtins(decision),
        "key": decision.key.decode(),
        "at": decision.at.timestamp(),
        "until": decision.until and decision.until.timestamp(),
    }


def incident_row(state: StreamState, report: IncidentReport, decisions: Sequence[TriageRecord]) -> Json:
    """Return an incident without its drift events, but with what was decided about it."""
    partition = state.partitions[report.partitions[0]]
    kept = partition.recent.first is not None and partition.recent.first <= report.offset
    decided = decision_on(report.events, decisions)
    return {
        **{name: value for name, value in report._asdict().items() if name != "events"},
        "effect": report.effect._asdict() if report.effect else None,
        "cluster": report.cluster._asdict() if report.cluster else None,
        "words": report.words[:WORDS],
        "alarms": len(report.events),
        "ago": partition.recent.following(report.offset)
        if kept
        else max(0, partition.latest - report.offset),
        "over": report.over,
        "recurs": report.recurs,
        "name": report.events[0].name,
        "decision": decided and triage_row(decided),
    }


def drift_row(drift: DriftEvent) -> Json:
    """Return a drift event with its position, and in words."""
    return {
        **drift._asdict(),
        "said": sentence(drift.record),
        **msgspec.to_builtins(drift.record),
        "record": None,
    }


def drifts(state: StreamState, wanted: Mapping[str, str], now: float | None = None, many: int = 12) -> Json:
    """Return incidents, findings about labels, and the drift events that match, newest first.

    Parameters
    ----------
    state
        The stream.
    wanted
        Values of `FACETS`, and `incident`, the number of the incident whose drift events are wanted.
    now
        As in `views.overview`.
    many
        Messages told as examples of those before the incident that is wanted, and of those from it on.
    """
    decisions = standing(state, time.time() if now is None else now)
    told = reports(state)
    opened = next((each for each in told if str(each.number) == wanted.get("incident")), None)
    events = opened.events if opened else [state.placed(each) for each in state.drift]
    chosen = {name: value for name, value in wanted.items() if name in FACETS}
    found = [
        each for each in events if all(getattr(each.record, name) == value for name, value in chosen.items())
    ]
    facets: Json = {name: {} for name in FACETS[:2]}
    for each in events:
        for name in facets:
            value = getattr(each.record, name)
            facets[name][value] = facets[name].get(value, 0) + 1
    holds, outside = findings(state), restructurings(state, told)
    return {
        "timed": state.timed,
        "rolling": rolling(state.series["all"]),
        "incidents": [incident_row(state, each, decisions) for each in important(told, decisions)],
        "opened": incident_row(state, opened, decisions) if opened else None,
        "near": examples(state, opened, many) if opened else None,
        "decisions": [triage_row(each) for each in decisions],
        "findings": [drift_row(each) for each in holds[: -EVENTS - 1 : -1]],
        "findings_total": len(holds),
        "outside": [drift_row(each) for each in outside[: -EVENTS - 1 : -1]],
        "outside_total": len(outside),
        "total": len(found),
        "kept": sum(each.record.scope not in FINDINGS for each in state.drift),
        "facets": facets,
        "events": [drift_row(each) for each in found[: -EVENTS - 1 : -1]],
        "levels": {name: _level(levels) for name, levels in state.levels.items()},
    }


def _level(levels: Mapping[int, MonitorLevels]) -> Json:
    """Return a monitor's measurements from the partition where it is nearest its threshold now."""

    def nearness(partition: int) -> float:
        _, statistic, threshold = levels[partition][-1]
        return abs(statistic) / threshold if threshold else 0.0

    nearest = max(sorted(levels), key=nearness)
    return {"partition": nearest, "figures": [list(each) for each in levels[nearest]]}


def examples(state: StreamState, report: IncidentReport, many: int) -> Json:
    """Return messages before an incident, and from its beginning until it was noticed, evenly spaced.

    They are of the stretches that its sentence compares, so that as many of them are wrong as it says.
    """
    recent = state.partitions[report.partitions[0]].recent
    before = recent.around(report.quiet, BEFORE, 0)
    after = [each for each in recent.around(report.offset, 0, LONGEST) if each.offset <= report.noticed]
    shown = [*_spaced(before, many), *_spaced(after, many + 1)]
    return _near(state, report.partitions[0], report.offset, [before, after], shown, report.events)


def _spaced(messages: Sequence[RecentPrediction], many: int) -> list[RecentPrediction]:
    """Return so many of the messages, evenly spaced from the first one on."""
    step = max(1.0, len(messages) / many)
    return [messages[int(n * step)] for n in range(min(many, len(messages)))]


def around(state: StreamState, partition: int, offset: int, before: int, after: int) -> Json:
    """Return the messages before an offset and from it on, and the drift events among them."""
    known = state.partitions.get(partition)
    seen = known.recent.around(offset, before, after) if known else []
    halves = [[each for each in seen if (each.offset < offset) == first] for first in (True, False)]
    return _near(state, partition, offset, halves, seen, [state.placed(each) for each in state.drift])


def _near(
    state: StreamState,
    partition: int,
    offset: int,
    halves: Sequence[Sequence[RecentPrediction]],
    shown: Sequence[RecentPrediction],
    drift: Sequence[DriftEvent],
) -> Json:
    """Return messages on either side of an offset, and how many are wrong of all that they stand for."""
    first, last = (shown[0].offset, shown[-1].offset) if shown else (offset, offset)
    near = [each for each in drift if each.partition == partition and first <= each.offset <= last]
    known = state.partitions.get(partition)
    return {
        "partition": partition,
        "offset": offset,
        "wrong": [sum(each.wrong for each in half) for half in halves],
        "known": [sum(each.truth is not None for each in half) for half in halves],
        "all": sum(map(len, halves)) == len(shown),
        "messages": [row(state, seen) for seen in shown],
        "drift": [drift_row(each) for each in near],
        "first": known.recent.first if known else None,
    }
