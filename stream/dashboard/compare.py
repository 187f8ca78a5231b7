"""Comparison of two runs on the same events: scores over offsets, and the messages on which they differ."""

from __future__ import annotations

from typing import Any

from stream.monitoring import RECENT, RecentPrediction, RunScores, StreamState, scores

DIFFERENT = 40
"""Most messages listed on which the runs differ."""
WORST = 12
"""Most labels listed on which the runs differ."""


def compare(one: StreamState, first: str, other: StreamState, second: str) -> dict[str, Any] | None:
    """Return the scores of two runs on the events that both predicted; None where a run does not exist.

    Parameters
    ----------
    one, other
        The streams that contain the runs; may be the same.
    first, second
        Names of the runs.
    """
    if first not in one.runs or second not in other.runs:
        return None
    pairs = [_both_known(*pair) for pair in _pairs(one, first, other, second)]
    scored = [(a, b) for a, b in pairs if a.truth is not None]
    differing = _labels(scored)
    different = [(a, b) for a, b in pairs if set(a.labels) != set(b.labels)]
    return {
        "runs": [_run(one, one.runs[first]), _run(other, other.runs[second])],
        "both": len(pairs),
        "scored": len(scored),
        "agree": len(pairs) - len(different),
        "right": {
            "both": sum(not a.wrong and not b.wrong for a, b in scored),
            "first": sum(not a.wrong and b.wrong for a, b in scored),
            "second": sum(a.wrong and not b.wrong for a, b in scored),
            "neither": sum(a.wrong and b.wrong for a, b in scored),
        },
        "labels": differing[:WORST],
        "labels_total": len(differing),
        "messages": [
            {
                "partition": a.partition,
                "offset": a.offset,
                "id": a.id,
                "truth": a.truth,
                "first": a.labels,
                "second": b.labels,
            }
            for a, b in different[: -DIFFERENT - 1 : -1]
        ],
    }


def _pairs(
    one: StreamState, first: str, other: StreamState, second: str
) -> list[tuple[RecentPrediction, RecentPrediction]]:
    found = []
    for number, partition in one.partitions.items():
        if number not in other.partitions:
            continue
        theirs = {
            seen.offset: seen for seen in other.partitions[number].recent.latest() if seen.run == second
        }
        ours = [seen for seen in partition.recent.latest() if seen.run == first and seen.offset in theirs]
        found += [(seen, theirs[seen.offset]) for seen in reversed(ours)]
    return found


def _both_known(one: RecentPrediction, other: RecentPrediction) -> tuple[RecentPrediction, RecentPrediction]:
    """Return two predictions of one event with the truth of either: a replay has none that came later."""
    known = one.known if one.truth is not None else other.known
    return one._replace(own=known, early=None, later=None), other._replace(own=known, early=None, later=None)


def _run(state: StreamState, run: RunScores) -> dict[str, Any]:
    curve = [(at, scores(sums)) for at, sums in run.series.trailing(RECENT)]
    return {
        "source": state.name,
        "name": run.name,
        "encoder": run.encoder,
        "predictions": run.predictions,
        "scores": scores(run.series.total()),
        "at": [at for at, _ in curve],
        "subset_accuracy": [None if each is None else round(each["subset_accuracy"], 4) for _, each in curve],
        "micro_f1": [None if each is None else round(each["micro_f1"], 4) for _, each in curve],
    }


def _labels(scored: list[tuple[RecentPrediction, RecentPrediction]]) -> list[dict[str, Any]]:
    """Return the labels for which the runs' numbers of errors differ, those that differ most first."""
    wrong: dict[str, list[int]] = {}
    for pair in scored:
        truth = set(pair[0].truth or ())
        for side, seen in enumerate(pair):
            for label in truth ^ set(seen.labels):
                wrong.setdefault(label, [0, 0])[side] += 1
    differing = [label for label, (first, second) in wrong.items() if first != second]
    order = sorted(differing, key=lambda label: (-abs(wrong[label][0] - wrong[label][1]), label))
    return [{"label": label, "first": wrong[label][0], "second": wrong[label][1]} for label in order]
