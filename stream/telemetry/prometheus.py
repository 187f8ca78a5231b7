"""Telemetry as Prometheus metrics.

Metrics are created from the status at the time of a scrape, so the series of a partition that left disappear
without being removed. Names begin with `ithaca_`, units are base units.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from drift.alarms import SCOPES
from learners.metrics import RecentScores, Scores
from stream.pipeline import OUTCOMES
from stream.records import REASONS
from stream.telemetry.collector import Telemetry
from stream.telemetry.status import LessonsStatus, PartitionStatus, WorkerStatus

NOT_SCORES = ("messages", "labels")


def registry(telemetry: Telemetry) -> CollectorRegistry:
    """Return a registry of all metrics of some telemetry and of the process, labelled with the stream."""
    known = CollectorRegistry()
    ProcessCollector(registry=known)
    known.register(_StatusCollector(telemetry))
    for histogram in (*telemetry.times.values(), telemetry.encode_events):
        known.register(histogram)
    made = CollectorRegistry()
    made.register(_OfStream(known, telemetry.build.get("stream", "")))
    return made


class _OfStream(Collector):
    """Adds the stream's name to every series of other collectors: one Prometheus may scrape many streams."""

    def __init__(self, known: CollectorRegistry, stream: str) -> None:
        self._known = known
        # To Prometheus an empty label value is no label.
        self._stream = {"stream": stream} if stream else {}

    def collect(self) -> Iterator[Metric]:
        for metric in self._known.collect():
            metric.samples = [
                sample._replace(labels=sample.labels | self._stream) for sample in metric.samples
            ]
            yield metric


class _StatusCollector(Collector):
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(
            "ithaca_build", "What runs: version, run, encoder, learner.", value=self._telemetry.build
        )
        status = self._telemetry.status()
        yield from _counters(status)
        yield GaugeMetricFamily(
            "ithaca_partitions",
            "Partitions of this worker, restoring ones included.",
            value=len(status.partitions) + len(status.restorations),
        )
        yield GaugeMetricFamily(
            "ithaca_silence_seconds", "Time since the worker's loop last turned.", value=status.silence_s
        )
        yield GaugeMetricFamily(
            "ithaca_device_memory_bytes",
            "Memory of the CUDA device that this process holds; 0 without one.",
            value=_device_memory(),
        )
        yield from _lessons(status.lessons)
        yield from _gauges(status)
        yield from _feedback(status.partitions)
        yield _near_twins(status.partitions)
        yield from _confidence(status.partitions)
        yield from _restorations(status)
        yield from _snapshots(status)
        yield from _learner(status.partitions)


def _device_memory() -> int:
    # Who has not imported torch holds nothing, and need not wait for the import.
    torch = sys.modules.get("torch")
    return torch.cuda.memory_reserved() if torch is not None and torch.cuda.is_initialized() else 0


def _counters(status: WorkerStatus) -> Iterator[Metric]:
    for name, text, value in (
        ("events", "Events answered: predictions and dead letters.", status.events),
        ("predictions", "Predictions written.", status.predictions),
        ("learned", "Messages learned from, those relearned after a restart included.", status.learned),
        ("batches", "Transactions committed.", status.batches),
        (
            "fencings",
            "Partitions that another worker took over unnoticed; nothing was emitted.",
            status.fencings,
        ),
        ("failed_commits", "Transactions that failed and were repeated.", status.failures),
        ("snapshots", "Snapshots written.", status.snapshots),
        ("failed_snapshots", "Snapshots that could not be written.", status.snapshot_failures),
    ):
        yield CounterMetricFamily(f"ithaca_{name}", text, value=value)
    # Every known key is exported from the start: Prometheus sees no increase when a series appears.
    for name, text, label, keys, counts in (
        ("dead_letters", "Dead letters, by reason.", "reason", REASONS, status.dead_letters),
        ("drift_alarms", "Drift events, by scope.", "scope", SCOPES, status.alarms),
    ):
        family = CounterMetricFamily(f"ithaca_{name}", text, labels=[label])
        for key, count in (dict.fromkeys(keys, 0) | counts).items():
            family.add_metric([key], count)
        yield family


def _lessons(lessons: LessonsStatus | None) -> Iterator[Metric]:
    """Yield the position of a shared model; nothing where each partition has its own model."""
    if lessons is None:
        return
    if lessons.lag is not None:
        yield GaugeMetricFamily(
            "ithaca_lessons_lag_records",
            "Lessons of the shared model that are written and not learned here, unreadable ones included.",
            value=lessons.lag,
        )
    yield GaugeMetricFamily(
        "ithaca_lessons_lag_seconds",
        "Age of the last lesson that was learned here, where others wait; else 0.",
        value=lessons.lag_s,
    )
    yield GaugeMetricFamily(
        "ithaca_lessons_owner",
        "1 where this worker writes what comes of the lessons.",
        value=float(lessons.owner),
    )


def _gauges(status: WorkerStatus) -> Iterator[Metric]:
    lag = GaugeMetricFamily("ithaca_lag_records", "Events not answered yet.", labels=["partition"])
    offset = GaugeMetricFamily(
        "ithaca_next_offset", "Offset that a partition goes on from.", labels=["partition"]
    )
    score = GaugeMetricFamily(
        "ithaca_score",
        "Prequential scores over the last messages (recent) and over all.",
        labels=["partition", "score", "over"],
    )
    if status.lessons is not None and status.lessons.owner:
        offset.add_metric(["lessons"], status.lessons.next_offset)
    for each in status.partitions:
        number = str(each.partition)
        if each.lag is not None:
            lag.add_metric([number], each.lag)
        offset.add_metric([number], each.next_offset)
        for over, scores in (("recent", each.recent), ("all", each.scores)):
            for name, value in _scores(scores).items():
                score.add_metric([number, name, over], value)
    yield from (lag, offset, score)


def _restorations(status: WorkerStatus) -> Iterator[Metric]:
    restoring = GaugeMetricFamily(
        "ithaca_restoring", "1 until a partition is back where its last owner had it.", labels=["partition"]
    )
    left = GaugeMetricFamily("ithaca_relearn_records", "Offsets left to relearn.", labels=["partition"])
    for partition in status.partitions:
        restoring.add_metric([str(partition.partition)], 0)
    for each in status.restorations:
        restoring.add_metric([str(each.partition)], 1)
        if each.offset is not None and each.until is not None:
            left.add_metric([str(each.partition)], each.until - each.offset)
    yield from (restoring, left)


def _feedback(partitions: tuple[PartitionStatus, ...]) -> Iterator[Metric]:
    # Counted per partition, not per process: the counts continue from those of an earlier owner.
    outcomes = CounterMetricFamily(
        "ithaca_feedback",
        "Feedback, by outcome; goes on where an earlier owner ended.",
        labels=["partition", "outcome"],
    )
    expired = CounterMetricFamily(
        "ithaca_expired_events", "Events given up before any labels came.", labels=["partition"]
    )
    kept = GaugeMetricFamily(
        "ithaca_feedback_kept", "What is kept: events, and feedback that waits.", labels=["partition", "what"]
    )
    size = GaugeMetricFamily("ithaca_feedback_kept_bytes", "Memory of what is kept.", labels=["partition"])
    for each in partitions:
        number = str(each.partition)
        for outcome in OUTCOMES:
            outcomes.add_metric([number, outcome], getattr(each.feedback, outcome))
        expired.add_metric([number], each.feedback.expired)
        kept.add_metric([number, "events"], each.feedback.kept)
        kept.add_metric([number, "waiting"], each.feedback.waiting)
        size.add_metric([number], each.feedback.kept_bytes)
    yield from (outcomes, expired, kept, size)


def _near_twins(partitions: tuple[PartitionStatus, ...]) -> Metric:
    family = CounterMetricFamily(
        "ithaca_near_twin_labels",
        "Labels that differ from an earlier one in case, space or width only.",
        labels=["partition"],
    )
    for each in partitions:
        family.add_metric([str(each.partition)], each.near_twins)
    return family


def _confidence(partitions: tuple[PartitionStatus, ...]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(f"ithaca_{name}_ratio", text, labels=["partition"])
        for name, text in (
            ("coverage", "Share of recent events whose labels were all in the conformal set."),
            ("coverage_target", "Wanted share, `confidence.coverage`."),
            ("rejected", "Share of recent predictions that were rejected."),
            ("accepted_error", "Share of wrong label-sets among recent predictions that were accepted."),
        )
    }
    for each in partitions:
        confidence = each.confidence
        if confidence is not None:
            figures = (confidence.coverage, confidence.target, confidence.rejected, confidence.error)
            for family, figure in zip(families.values(), figures, strict=True):
                family.add_metric([str(each.partition)], figure)
    yield from families.values()


def _snapshots(status: WorkerStatus) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "ithaca_snapshot_age_seconds", "Time since the newest snapshot was taken.", labels=["partition"]
    )
    size = GaugeMetricFamily("ithaca_snapshot_bytes", "Size of the newest snapshot.", labels=["partition"])
    kept = [(str(each.partition), each.snapshot) for each in status.partitions]
    if status.lessons is not None:
        kept.append(("lessons", status.lessons.snapshot))
    for partition, snapshot in kept:
        if snapshot is not None:
            age.add_metric([partition], max(0.0, time.time() - snapshot.taken_at))
            size.add_metric([partition], snapshot.size)
    yield from (age, size)


def _learner(partitions: tuple[PartitionStatus, ...]) -> Iterator[Metric]:
    # Learners add figures of their own, such as those of clusters: each is a gauge by its name.
    families: dict[str, GaugeMetricFamily] = {}
    for each in partitions:
        for name, value in each.learner.figures().items():
            if name not in families:
                text = f"The learner's own statistics: {name.replace('_', ' ')}."
                families[name] = GaugeMetricFamily(f"ithaca_learner_{name}", text, labels=["partition"])
            families[name].add_metric([str(each.partition)], value)
    yield from families.values()


def _scores(scores: RecentScores | Scores) -> dict[str, float]:
    return {name: value for name, value in dataclasses.asdict(scores).items() if name not in NOT_SCORES}
