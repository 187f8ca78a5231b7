"""Contents of the views of labels and label clusters; see `views`."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import Any

import msgspec

from stream.dashboard.cluster_tree import pruned
from stream.dashboard.drift_views import drift_row
from stream.dashboard.message_views import messages
from stream.monitoring import SILENT, LabelFigures, StreamState, duration, findings
from stream.pipeline import LONG_HALF_LIFE, SHORT_HALF_LIFE
from stream.records import DETECTOR, Control

Json = dict[str, Any]
PAGE = 50
"""Labels sent at a time."""
BIRTHS = 30
CONFUSED = 8
"""Most labels told with which one is confused."""
LEAVES = 80
"""Clusters drawn at a time."""
MEMBERS = 12
"""Labels named per cluster."""

WINDOWS = (
    "Counts, precision, recall and F1 are of all messages. Now: a mean that forgets half within "
    f"{SHORT_HALF_LIFE:,.0f} labelled messages; usually: within {LONG_HALF_LIFE:,.0f}. A drift event "
    "compares others: before its change began, and since."
)
"""Which messages the shares of a label are of."""

ORDERS: dict[str, Callable[[LabelFigures], Any]] = {
    "change": lambda label: (-abs(label.change), label.name),
    "count": lambda label: (-label.occurrences, label.name),
    "f1": lambda label: (label.f1, -label.occurrences, label.name),
    "rate": lambda label: (-label.rate, label.name),
    "silent": lambda label: (-label.silent, label.name),
    "precision": lambda label: (label.hits / max(1, label.predicted), -label.predicted, label.name),
    "recall": lambda label: (label.hits / max(1, label.occurrences), -label.occurrences, label.name),
    "name": lambda label: label.name,
}
"""Sort keys of the labels, by name; precision, recall and F1 from the worst."""


def labels(state: StreamState, order: str, query: str, page: int) -> Json:
    """Return a page of the labels, the recent births, and the labels that have gone silent."""
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
        "order": order if order in ORDERS else "change",
        "page": page,
        "pages": -(-len(found) // PAGE),
        "total": len(found),
        "known": len(state.labels),
        "labels": [_figures(state, each) for each in found[begin : begin + PAGE]],
        "births": [{"label": name, **birth._asdict()} for name, birth in born[:BIRTHS]],
        "silent": [_figures(state, each) for each in silent[:BIRTHS]],
        "silent_total": len(silent),
        "windows": WINDOWS,
    }


def _figures(state: StreamState, figures: LabelFigures) -> Json:
    return {
        **figures._asdict(),
        "precision": figures.hits / figures.predicted if figures.predicted else None,
        "recall": figures.hits / figures.occurrences if figures.occurrences else None,
        "history": [round(rate, 5) for _, rate in state.labels[figures.name].history],
    }


def label(state: StreamState, name: str, now: float | None = None) -> Json | None:
    """Return everything about one label; None if it is unknown. `now` is as in `views.overview`."""
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
        **_figures(state, known.figures(updates)),
        "birth": known.birth._asdict() if known.birth else None,
        "age": duration((time.time() if now is None else now) - known.birth.time)
        if known.birth and known.birth.time
        else None,
        "partitions": {partition: msgspec.to_builtins(each) for partition, each in known.records.items()},
        "mates": mates,
        "messages": messages(state, "all", "", name)["messages"][:10],
        "last": _last(state, name),
        "windows": WINDOWS,
        "taxonomy": _taxonomy(state, name),
        "confusion": _confusion(state, name),
        "findings": [drift_row(each) for each in findings(state) if name in _named(each.record.subject)][
            -20:
        ],
    }


def _taxonomy(state: StreamState, name: str) -> Json:
    """Return what a label's path says of it, and the operations that named it, as far as they are kept."""
    levels = name.split("/")
    under = [each for each in state.labels if each.startswith(f"{name}/")]
    applied = [each for each in state.drift if each.record.detector == DETECTOR and each.record.control]
    return {
        "above": ["/".join(levels[:depth]) for depth in range(1, len(levels))],
        "under": sorted(under)[: 2 * MEMBERS],
        "under_total": len(under),
        "operations": [
            {
                "said": each.record.action,
                "time": each.time,
                "partition": each.partition,
                "offset": each.offset,
            }
            for each in applied
            if each.record.control and name in _paths(each.record.control)
        ],
    }


def _paths(control: Control) -> set[str]:
    """Return the labels that an operation names: results are paths, or stand below the label."""
    return {control.label, *control.to, *(f"{control.label}/{each}" for each in control.to)}


def _named(subject: str) -> list[str]:
    """Return the labels that a relation is about."""
    return next((subject.split(sign) for sign in (" | ", " = ", " in ") if sign in subject), [subject])


def _last(state: StreamState, name: str) -> Json | None:
    """Return where a label was last seen, among the messages that are kept."""
    latest = (
        next((seen for seen in each.recent.latest() if seen.truth and name in seen.truth), None)
        for each in state.partitions.values()
    )
    found = max(
        (seen for seen in latest if seen), key=lambda seen: (seen.time or 0.0, seen.offset), default=None
    )
    return {"partition": found.partition, "offset": found.offset, "time": found.time} if found else None


def _confusion(state: StreamState, name: str) -> Json:
    """Return which labels are predicted where this one is missed, and true where it is predicted falsely."""
    missed: collections.Counter[str] = collections.Counter()
    false: collections.Counter[str] = collections.Counter()
    scored = 0
    for partition in state.partitions.values():
        for seen in partition.recent.latest():
            if seen.truth is None:
                continue
            truth, predicted = set(seen.truth), set(seen.labels)
            scored += 1
            if name in truth - predicted:
                missed.update(predicted - truth or {""})
            elif name in predicted - truth:
                false.update(truth - predicted or {""})
    return {"scored": scored, "missed": missed.most_common(CONFUSED), "false": false.most_common(CONFUSED)}


def clusters(state: StreamState, partition: int) -> Json:
    """Return a partition's tree of label clusters, and the changes made to it."""
    known = state.partitions.get(partition)
    groups = state.labels.of_cluster(partition)
    statistics = known.statistics if known else None
    sizes = {
        cluster: sum(each.records[partition].count for each in group) for cluster, group in groups.items()
    }
    largest = sorted(groups, key=lambda cluster: (-sizes[cluster], cluster))[:LEAVES]
    changes = [
        drift_row(each)
        for each in state.drift
        if each.partition == partition and each.record.scope == "structure" and each.record.action
    ]
    return {
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
