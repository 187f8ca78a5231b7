"""What each view of the page shows: plain JSON values, worked out from a stream's state when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stream.dashboard import output_records
from stream.dashboard.cluster_tree import pruned
from stream.dashboard.label_figures import SILENT, LabelFigures
from stream.dashboard.recent_predictions import RecentPrediction
from stream.dashboard.series import AT, Buckets, scores
from stream.dashboard.stream_state import DriftEvent, MonitorLevels, StreamState

Json = dict[str, Any]
ROLLING_MESSAGES = 500.0
"""Messages that one rolling score looks back on, at least."""
PAGE = 50
"""Rows sent at a time: labels, messages."""
DRIFT_PAGE = 400
FACETS = "scope", "detector", "subject"
"""What drift events are filtered by."""
BIRTHS = 30
LEAVES = 80
"""Clusters drawn at a time."""
MEMBERS = 12
"""Labels named of each cluster."""


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
        "latest": [_alarm(each) for each in list(state.drift)[:-6:-1]],
        "latest_dead_letters": [each._asdict() for each in list(state.dead_letters)[:-9:-1]],
        "runs": [
            {"name": run.name, "predictions": run.predictions, "encoder": run.encoder}
            for run in state.runs.values()
        ],
    }


def head(state: StreamState) -> Json:
    """Return what every view shows: the name, and whether all is well."""
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


def _alarm(drift: DriftEvent) -> Json:
    return {
        "number": drift.number,
        "partition": drift.partition,
        "offset": drift.offset,
        "time": drift.time,
        **msgspec.to_builtins(drift.record),
    }


def drifts(state: StreamState, wanted: Mapping[str, str]) -> Json:
    """Return drift events, newest first, that have all of some fields, and how many have each value."""
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
        "events": [_alarm(each) for each in found[: -DRIFT_PAGE - 1 : -1]],
        "rolling": _rolling(series),
        "width": series.width,
        "levels": {name: _level(levels) for name, levels in state.levels.items()},
    }


def _level(levels: Mapping[int, MonitorLevels]) -> Json:
    """Return what a monitor measured on the partition where it is nearest its threshold now."""

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
    """Return the messages before an offset and from it on, and the drift that was found among them."""
    known = state.partitions.get(partition)
    rows = known.recent.around(offset, before, after) if known else []
    first, last = (rows[0].offset, rows[-1].offset) if rows else (offset, offset)
    near = [each for each in state.drift if each.partition == partition and first <= each.offset <= last]
    return {
        **head(state),
        "partition": partition,
        "offset": offset,
        "messages": [_row(seen) for seen in rows],
        "drift": [_alarm(each) for each in near],
        "first": known.recent.first if known else None,
    }


def messages(state: StreamState, which: str, query: str, label: str) -> Json:
    """Return the latest messages: "all" or "wrong", with a text in their id, with a label."""
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
    """Return one prediction with everything that is known of it; None where it is not kept."""
    known = state.partitions.get(partition)
    seen = known.recent.at(offset) if known else None
    if known is None or seen is None:
        return None
    found = output_records.predictions.decode(seen.value)
    nearest = []
    for each in found.why.nearest if found.why else []:
        past = known.recent.learned(each.number)
        nearest.append({**msgspec.to_builtins(each), "message": _row(past) if past else None})
    clusters = {
        label: state.labels[label].records[partition].cluster
        for label in (*found.scores, *(found.why.labels if found.why else ()))
        if label in state.labels and partition in state.labels[label].records
    }
    return {
        **head(state),
        **_row(seen),
        "record": msgspec.to_builtins(found),
        "nearest": nearest,
        "clusters": clusters,
    }


ORDERS: dict[str, Callable[[LabelFigures], Any]] = {
    "change": lambda label: (-abs(label.change), label.name),
    "count": lambda label: (-label.occurrences, label.name),
    "f1": lambda label: (label.f1, -label.occurrences, label.name),
    "rate": lambda label: (-label.rate, label.name),
    "silent": lambda label: (-label.silent, label.name),
    "name": lambda label: label.name,
}
"""How labels can be ordered; F1 from the worst."""


def labels(state: StreamState, order: str, query: str, page: int) -> Json:
    """Return a page of the labels, which were born lately, and which have gone silent."""
    updates = {number: partition.written for number, partition in state.partitions.items()}
    query = query.lower()
    every = state.labels.figures(updates)
    found = sorted(
        (each for each in every if query in each.name.lower()), key=ORDERS.get(order, ORDERS["change"])
    )
    silent = sorted((each for each in every if each.silent >= SILENT), key=ORDERS["silent"])
    born = sorted(state.labels.births(), key=lambda pair: (-(pair[1].time or 0.0), -pair[1].offset, pair[0]))
    begin = page * PAGE
    return {
        **head(state),
        "order": order if order in ORDERS else "change",
        "page": page,
        "pages": -(-len(found) // PAGE),
        "total": len(found),
        "known": len(state.labels),
        "labels": [_figures(state, each) for each in found[begin : begin + PAGE]],
        "births": [{"label": name, **birth._asdict()} for name, birth in born[:BIRTHS]],
        "silent": [_figures(state, each) for each in silent[:BIRTHS]],
        "silent_total": len(silent),
    }


def _figures(state: StreamState, figures: LabelFigures) -> Json:
    return {
        **figures._asdict(),
        "history": [round(rate, 5) for _, rate in state.labels[figures.name].history],
    }


def label(state: StreamState, name: str) -> Json | None:
    """Return everything about one label; None where there is none of that name."""
    if name not in state.labels:
        return None
    known = state.labels[name]
    updates = {number: partition.written for number, partition in state.partitions.items()}
    mates = {}
    for partition, record in known.records.items():
        if record.cluster is not None:
            group = state.labels.of_cluster(partition).get(record.cluster, [])
            mates[partition] = [each.name for each in group if each.name != name][: 2 * MEMBERS]
    return {
        **head(state),
        **_figures(state, known.figures(updates)),
        "birth": known.birth._asdict() if known.birth else None,
        "partitions": {partition: msgspec.to_builtins(each) for partition, each in known.records.items()},
        "mates": mates,
        "messages": messages(state, "all", "", name)["messages"][:10],
        "drift": [_alarm(each) for each in state.drift if each.record.subject == name][-20:],
    }


def clusters(state: StreamState, partition: int) -> Json:
    """Return a partition's tree of label clusters, and what changed in it."""
    known = state.partitions.get(partition)
    groups = state.labels.of_cluster(partition)
    statistics = known.statistics if known else None
    sizes = {
        cluster: sum(each.records[partition].count for each in group) for cluster, group in groups.items()
    }
    largest = sorted(groups, key=lambda cluster: (-sizes[cluster], cluster))[:LEAVES]
    changes = [
        _alarm(each)
        for each in state.drift
        if each.partition == partition and each.record.scope == "structure" and each.record.action
    ]
    return {
        **head(state),
        "timed": state.timed,
        "partition": partition,
        "partitions": sorted(state.partitions),
        "splits": pruned(statistics.splits if statistics else (), set(largest)),
        "clusters": {
            cluster: {
                "size": len(groups[cluster]),
                "count": sizes[cluster],
                "labels": [each.name for each in groups[cluster][:MEMBERS]],
            }
            for cluster in largest
        },
        "total": len(groups),
        "changes": changes[:-41:-1],
        "updates": known.updates if known else 0,
    }
