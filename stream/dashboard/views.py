"""Contents of the page's views: plain JSON values, computed from a stream's state on request."""

from __future__ import annotations

import itertools
import time
from typing import Any

from stream.dashboard.drift_views import important, incident_row, rolling, standing, unattended
from stream.monitoring import (
    AT,
    RECENT,
    Buckets,
    Check,
    StreamState,
    health,
    micro_f1,
    quality,
    reports,
    worst,
)

Json = dict[str, Any]
INCIDENTS = 3
"""Incidents told on the overview."""


def head(state: StreamState, now: float | None = None) -> Json:
    """Return what every view shows: the stream's name, and whether the service is healthy."""
    checks = health(state, time.time() if now is None else now)
    level = worst(checks)
    return {
        "name": state.name,
        "version": state.version,
        "waiting": sum(state.vitals.lag.values()) if state.vitals else None,
        "ready": state.ready,
        "level": level,
        "said": [check.text for check in checks if check.level == level] if level in ("warn", "bad") else [],
    }


def overview(state: StreamState, span: str, now: float | None = None) -> Json:
    """Return whether the stream does well, what changed, and series over a span of time.

    Parameters
    ----------
    state
        The stream.
    span
        "minutes", "day" or "all".
    now
        Time that others are compared with, in seconds since 1970; None (the default) is the server's, because
        the visitor's clock may be wrong.
    """
    now = time.time() if now is None else now
    series = state.series.get(span, state.series["all"])
    total = state.series["all"].total()
    told, decisions = reports(state), standing(state, now)
    return {
        **head(state, now),
        "timed": state.timed,
        "span": span if span in state.series else "all",
        "width": series.width,
        "healthy": _told(health(state, now)),
        "good": _told(quality(state, now, state.coverage)),
        "incidents": [
            incident_row(state, each, decisions) for each in important(told, decisions)[:INCIDENTS]
        ],
        "incidents_total": len(told),
        "incidents_open": sum(each.over is False for each in told),
        "incidents_unattended": len(unattended(told, decisions)),
        "predictions": total[AT["predictions"]],
        "dead_letters": sum(state.reasons.values()),
        "reasons": dict(state.reasons.most_common()),
        "skipped": state.skipped,
        "labels": len(state.labels),
        "series": _curves(series),
        "rolling": rolling(series),
        "partitions": [_partition(state, number) for number in sorted(state.partitions)],
        "latest_dead_letters": [each._asdict() for each in list(state.dead_letters)[:-9:-1]],
        "runs": [
            {"name": run.name, "predictions": run.predictions, "encoder": run.encoder}
            for run in state.runs.values()
        ],
    }


def _told(checks: list[Check]) -> Json:
    return {"level": worst(checks), "checks": [check._asdict() for check in checks]}


def _curves(series: Buckets) -> Json:
    found: Json = {"at": [], "predictions": [], "dead_letters": [], "delay": []}
    for at, sums in series.filled():
        found["at"].append(at)
        for name in ("predictions", "dead_letters"):
            found[name].append(sums[AT[name]])
        delays = sums[AT["delays"]]
        found["delay"].append(round(sums[AT["delay"]] / delays, 4) if delays else None)
    # What was counted in the first and the last bucket is of a part of their width.
    for name in ("predictions", "dead_letters"):
        found[name][:1] = found[name][-1:] = [None] if found["at"] else []
    return found


def _partition(state: StreamState, number: int) -> Json:
    partition = state.partitions[number]
    statistics = partition.statistics
    judged = (seen for seen in partition.recent.latest() if seen.truth is not None)
    return {
        "partition": number,
        "latest": partition.latest,
        "updates": partition.updates,
        "lag": state.vitals.lag.get(number) if state.vitals else None,
        "micro_f1": micro_f1(list(itertools.islice(judged, int(RECENT)))),
        "learner": statistics.learner if statistics else {},
    }
