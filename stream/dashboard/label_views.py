"""Contents of the views of labels and label clusters; see `views`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stream.dashboard.cluster_tree import pruned
from stream.dashboard.label_figures import SILENT, LabelFigures
from stream.dashboard.stream_state import StreamState
from stream.dashboard.views import PAGE, Json, drift_row, head, messages

BIRTHS = 30
LEAVES = 80
"""Clusters drawn at a time."""
MEMBERS = 12
"""Labels named per cluster."""

ORDERS: dict[str, Callable[[LabelFigures], Any]] = {
    "change": lambda label: (-abs(label.change), label.name),
    "count": lambda label: (-label.occurrences, label.name),
    "f1": lambda label: (label.f1, -label.occurrences, label.name),
    "rate": lambda label: (-label.rate, label.name),
    "silent": lambda label: (-label.silent, label.name),
    "name": lambda label: label.name,
}
"""Sort keys of the labels, by name; F1 from the worst."""


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
    """Return everything about one label; None if it is unknown."""
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
        "drift": [drift_row(each) for each in state.drift if each.record.subject == name][-20:],
    }


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
