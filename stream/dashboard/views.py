"""Contents of the page's views: plain JSON values, computed from a stream's state on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stream.dashboard import output_records
from stream.dashboard.recent_predictions import RecentPrediction
from stream.dashboard.series import AT, Buckets, scores
from stream.dashboard.stream_state import DriftEvent, MonitorLevels, StreamState

Json = dict[str, Any]
ROLLING_MESSAGES = 500.0
"""Least number of messages that a rolling score covers."""
PAGE = 50
"""Rows sent at a time, of labels or messages."""
DRIFT_PAGE = 400
FACETS = "scope", "detector", "subject"
"""Fields by which drift events can be filtered."""


def overview(state: StreamState, span: str) -> Json:
    """Return counts, series and scores over a span of time ("minutes", "hours" or "all")."""
    series = state.series.get(span, state.series["all"])
    total = state.series["all"].total()
    return {
        **head(state),
        "timed": state.timed,
        "span": span if span in state.series else "all",
        "width": series.width,
        "predictions": total[AT["predictions"]],
        "dead_letters": sum(state.reasons.values()),
        "reasons": dict(state.reasons.most_common()),
        "skipped": state.skipped,
        "alarms": total[AT["alarms"]],
        "labels": len(state.labels),
        "lag": sum(state.lag.values()) if state.lag else None,
        "scores": scores(series.total()),
        "series": _curves(series),
        "rolling": _rolling(series),
        "partitions": [_partition(state, number) for number in sorted(state.partitions)],
        "latest": [drift_row(each) for each in list(state.drift)[:-6:-1]],
        "latest_dead_letters": [each._asdict() for each in list(state.dead_letters)[:-9:-1]],
        "runs": [
            {"name": run.name, "predictions": run.predictions, "encoder": run.encoder}
            for run in state.runs.values()
        ],
    }


def head(state: StreamState) -> Json:
    """Return what every view shows: the stream's name, and its health."""
    return {"name": state.name, "version": state.version, "ready": state.ready, "problem": state.problem}


def _curves(series: Buckets) -> Json:
    found: Json = {"at": [], "predictions": [], "dead_letters": [], "alarms": [], "delay": []}
    for at, sums in series.filled():
        found["at"].append(at)
        for name in ("predictions", "dead_letters", "alarms"):
            found[name].append(sums[AT[name]])
        delays = sums[AT["delays"]]
        found["delay"].append(round(sums[AT["delay"]] / delays, 4) if delays else None)
    return found


ROLLED = ("subset_accuracy", "micro_f1", "persistence_subset_accuracy", "persistence_micro_f1", "skill")


def _rolling(series: Buckets) -> Json:
    found: Json = {"at": [], **{name: [] for name in ROLLED}}
    for at, sums in series.trailing(ROLLING_MESSAGES):
        here = scores(sums)
        found["at"].append(at)
        for name in ROLLED:
            found[name].append(None if here is None else round(here[name], 4))
    return found


def _partition(state: StreamState, number: int) -> Json:
    partition = state.partitions[number]
    statistics = partition.statistics
    return {
        "partition": number,
        "latest": partition.latest,
        "updates": partition.updates,
        "lag": state.lag.get(number),
        "scores": statistics.scores if statistics else {},
        "learner": statistics.learner if statistics else {},
    }


def drift_row(drift: DriftEvent) -> Json:
    """Return a drift event with its position."""
    return {
        "number": drift.number,
        "partition": drift.partition,
        "offset": drift.offset,
        "time": drift.time,
        **msgspec.to_builtins(drift.record),
    }


def drifts(state: StreamState, wanted: Mapping[str, str]) -> Json:
    """Return the drift events that match all given fields, newest first, and counts by field value."""
    chosen = {name: value for name, value in wanted.items() if name in FACETS}
    found = [
        each
        for each in state.drift
        if all(getattr(each.record, name) == value for name, value in chosen.items())
    ]
    facets: Json = {name: {} for name in FACETS}
    for each in state.drift:
        for name in FACETS:
            value = getattr(each.record, name)
            facets[name][value] = facets[name].get(value, 0) + 1
    facets["subject"] = dict(sorted(facets["subject"].items(), key=lambda pair: -pair[1])[:PAGE])
    series = state.series["all"]
    return {
        **head(state),
        "timed": state.timed,
        "total": len(found),
        "kept": len(state.drift),
        "facets": facets,
        "events": [drift_row(each) for each in found[: -DRIFT_PAGE - 1 : -1]],
        "rolling": _rolling(series),
        "width": series.width,
        "levels": {name: _level(levels) for name, levels in state.levels.items()},
    }


def _level(levels: Mapping[int, MonitorLevels]) -> Json:
    """Return a monitor's measurements from the partition where it is nearest its threshold now."""

    def nearness(partition: int) -> float:
        _, statistic, threshold = levels[partition][-1]
        return abs(statistic) / threshold if threshold else 0.0

    nearest = max(sorted(levels), key=nearness)
    return {"partition": nearest, "figures": [list(each) for each in levels[nearest]]}


def _row(seen: RecentPrediction) -> Json:
    return {
        "partition": seen.partition,
        "offset": seen.offset,
        "time": seen.time,
        "id": seen.id,
        "labels": seen.labels,
        "truth": seen.truth,
        "wrong": seen.wrong,
        "run": seen.run,
    }


def around(state: StreamState, partition: int, offset: int, before: int, after: int) -> Json:
    """Return the messages before an offset and from it on, and the drift events among them."""
    known = state.partitions.get(partition)
    rows = known.recent.around(offset, before, after) if known else []
    first, last = (rows[0].offset, rows[-1].offset) if rows else (offset, offset)
    near = [each for each in state.drift if each.partition == partition and first <= each.offset <= last]
    return {
        **head(state),
        "partition": partition,
        "offset": offset,
        "messages": [_row(seen) for seen in rows],
        "drift": [drift_row(each) for each in near],
        "first": known.recent.first if known else None,
    }


def messages(state: StreamState, which: str, query: str, label: str) -> Json:
    """Return the latest messages, "all" or "wrong", with a text in their id, with a label."""
    query = query.lower()
    newest: list[RecentPrediction] = []
    for partition in state.partitions.values():
        matching = (
            seen
            for seen in partition.recent.latest()
            if (which != "wrong" or seen.wrong)
            and (not query or query in seen.id.lower())
            and (not label or label in seen.labels or label in (seen.truth or ()))
        )
        newest += [seen for seen, _ in zip(matching, range(PAGE), strict=False)]
    newest.sort(key=lambda seen: (seen.time or 0.0, seen.offset), reverse=True)
    return {
        **head(state),
        "messages": [_row(seen) for seen in newest[:PAGE]],
        "kept": sum(len(partition.recent) for partition in state.partitions.values()),
    }


def message(state: StreamState, partition: int, offset: int) -> Json | None:
    """Return one prediction with everything known about it; None if it is not kept."""
    known = state.partitions.get(partition)
    seen = known.recent.at(offset) if known else None
    if known is None or seen is None:
        return None
    found = output_records.prediction_decoder.decode(seen.value)
    nearest = []
    for each in found.why.nearest if found.why else []:
        past = known.recent.learned(each.number)
        nearest.append({**msgspec.to_builtins(each), "message": _row(past) if past else None})
    clusters = {
        label: state.labels[label].records[partition].cluster
        for label in (*(each.label for each in found.scores), *(found.why.labels if found.why else ()))
        if label in state.labels and partition in state.labels[label].records
    }
    return {
        **head(state),
        **_row(seen),
        "record": msgspec.to_builtins(found),
        "nearest": nearest,
        "clusters": clusters,
    }
