"""The dashboard's state of one stream: a state machine that takes in the output records."""

from __future__ import annotations

import collections
import dataclasses
import threading
from typing import NamedTuple

import msgspec

from stream.dashboard import output_records
from stream.dashboard.label_figures import Birth, Labels
from stream.dashboard.output_records import OutputRecord
from stream.dashboard.recent_predictions import RecentPrediction, RecentPredictions
from stream.dashboard.series import Buckets
from stream.records import DriftRecord, PartitionRecord

DRIFT_KEPT, DEAD_LETTERS_KEPT, LEVELS_KEPT = 5_000, 200, 400
RANGES = {"minutes": (2.0, 450), "hours": (60.0, 480)}
"""Ranges of time in addition to the whole: width of a bucket in seconds, and number of buckets."""
OFFSETS = 50.0
"""Initial width of a bucket of a run's series, in offsets."""


MonitorLevels = collections.deque[tuple[float, float, float]]
"""Measurements of one monitor of one partition: position on the axis, statistic, threshold."""


class DriftEvent(NamedTuple):
    """A drift event, the position of its event, and when it was written."""

    number: int
    partition: int
    offset: int
    time: float | None
    record: DriftRecord


class DeadLetter(NamedTuple):
    """A dead letter, the position of its event, and when it was written."""

    partition: int
    offset: int
    time: float | None
    reason: str
    detail: str


@dataclasses.dataclass
class RunScores:
    """One run's scores over offsets, so that runs on the same events can be drawn over each other."""

    name: str
    series: Buckets = dataclasses.field(default_factory=lambda: Buckets(OFFSETS, 400))
    predictions: int = 0
    encoder: str = ""


@dataclasses.dataclass
class PartitionState:
    """State of one partition."""

    recent: RecentPredictions = dataclasses.field(default_factory=RecentPredictions)
    latest_truth: tuple[str, ...] | None = None
    updates: int = 0
    latest: int = -1
    statistics: PartitionRecord | None = None

    @property
    def written(self) -> int:
        """Messages learned from when statistics were last written."""
        return self.statistics.updates if self.statistics else 0


class StreamState:
    """Aggregates output records; the records of each partition must be given in order.

    A record that was taken in before changes nothing: reading may restart at any offset.

    Parameters
    ----------
    name
        Name to display.
    timed
        Whether records carry the time of writing. Without it, as in a replay's file, the axis is the offset.

    Attributes
    ----------
    lock
        Held while several values are read consistently, and while records are taken in.
    version
        Number of records taken in.
    lag
        Events without an answer yet, by partition, where the lag is measured.
    problem
        Why no records arrive, in words; empty if all is well.
    ready
        Whether everything that existed at the start has been taken in.

    Examples
    --------
    >>> state = StreamState("example")
    >>> state.take(OutputRecord("dead-letter", 0, 7, 1.0, reason="json"))
    >>> state.dead_letters[0].reason, state.version
    ('json', 1)
    """

    def __init__(self, name: str, *, timed: bool = True) -> None:
        self.name = name
        self.timed = timed
        self.lock = threading.Lock()
        self.version = 0
        self.lag: dict[int, int] = {}
        self.problem = ""
        self.ready = False
        self.skipped = 0
        self.series = {"all": Buckets(1.0 if timed else OFFSETS, 400)}
        if timed:
            self.series |= {
                name: Buckets(width, most, widens=False) for name, (width, most) in RANGES.items()
            }
        self.partitions: dict[int, PartitionState] = {}
        self.runs: dict[str, RunScores] = {}
        self.labels = Labels()
        self.drift: collections.deque[DriftEvent] = collections.deque(maxlen=DRIFT_KEPT)
        self.dead_letters: collections.deque[DeadLetter] = collections.deque(maxlen=DEAD_LETTERS_KEPT)
        self.reasons: collections.Counter[str] = collections.Counter()
        self.levels: dict[str, dict[int, MonitorLevels]] = {}
        self._alarms = 0
        self._last_drift: dict[int, tuple[int, set[bytes]]] = {}
        self._last_dead_letter: dict[int, int] = {}

    def take(self, written: OutputRecord) -> None:
        """Take in one record; one that cannot be read is counted as skipped."""
        partition = self.partitions.setdefault(written.partition, PartitionState())
        try:
            if written.kind == "prediction":
                self._prediction(partition, written)
            elif written.kind == "drift":
                self._drift(written)
            elif written.kind == "label-stats":
                self._label(partition, written)
            elif written.kind == "partition-stats":
                self._partition_statistics(partition, written)
            elif written.kind == "dead-letter":
                self._dead_letter(written)
            self.version += 1
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            self.skipped += 1

    def at(self, written: OutputRecord) -> float:
        """Return a record's position on the axis."""
        if self.timed:
            return written.time or 0.0
        return float(written.offset)

    def _add(self, written: OutputRecord, **values: float) -> None:
        for series in self.series.values():
            series.add(self.at(written), **values)

    def _prediction(self, partition: PartitionState, written: OutputRecord) -> None:
        found = output_records.prediction_decoder.decode(written.value or b"")
        truth = found.truth
        complete = tuple(truth.labels) if truth is not None and truth.complete else None
        seen = RecentPrediction(
            written.partition,
            written.offset,
            written.time,
            found.id,
            found.run,
            found.model.updates,
            tuple(found.labels),
            complete,
            truth is not None,
            written.value or b"",
        )
        if not partition.recent.add(seen):
            return
        partition.updates = max(partition.updates, seen.updates + seen.taught)
        partition.latest = seen.offset
        born = 0
        for label in truth.labels if truth is not None else ():
            place = Birth(written.partition, written.offset, written.time)
            born += self.labels.seen(label, place, seen.updates + 1)
        values = {"predictions": 1.0, "births": float(born), **_counts(seen, partition.latest_truth)}
        run = self.runs.setdefault(found.run, RunScores(found.run, encoder=found.encoder))
        run.predictions += 1
        run.series.add(written.offset, **values)
        if written.time is not None and written.event_time is not None:
            values |= {"delay": max(0.0, written.time - written.event_time), "delays": 1.0}
        self._add(written, **values)
        if complete is not None:
            partition.latest_truth = complete

    def _drift(self, written: OutputRecord) -> None:
        value = written.value or b""
        last, known = self._last_drift.get(written.partition, (-1, set()))
        if written.offset < last or (written.offset == last and value in known):
            return
        record = output_records.drift_decoder.decode(value)
        self._last_drift[written.partition] = (
            written.offset,
            known | {value} if written.offset == last else {value},
        )
        self._alarms += 1
        self.drift.append(DriftEvent(self._alarms, written.partition, written.offset, written.time, record))
        self._add(written, alarms=1)

    def _label(self, partition: PartitionState, written: OutputRecord) -> None:
        record = output_records.label_decoder.decode(written.value or b"")
        self.labels.take(written.partition, record)
        partition.updates = max(partition.updates, record.updates)

    def _partition_statistics(self, partition: PartitionState, written: OutputRecord) -> None:
        statistics = partition.statistics = output_records.partition_decoder.decode(written.value or b"")
        partition.updates = max(partition.updates, statistics.updates)
        for name, (statistic, threshold) in statistics.watched.items():
            of_partition = self.levels.setdefault(name, {})
            levels = of_partition.setdefault(written.partition, collections.deque(maxlen=LEVELS_KEPT))
            levels.append((self.at(written), statistic, threshold))

    def _dead_letter(self, written: OutputRecord) -> None:
        if written.offset <= self._last_dead_letter.get(written.partition, -1):
            return
        self._last_dead_letter[written.partition] = written.offset
        self.reasons[written.reason or "unknown"] += 1
        self.dead_letters.append(
            DeadLetter(written.partition, written.offset, written.time, written.reason, written.detail)
        )
        self._add(written, dead_letters=1)


def _counts(seen: RecentPrediction, before: tuple[str, ...] | None) -> dict[str, float]:
    """Return the counts that a prediction adds to the scores, together with those of persistence."""
    if seen.truth is None:
        return {}
    truth, predicted, persistence = set(seen.truth), set(seen.labels), set(before or ())
    return {
        "scored": 1.0,
        "exact": float(predicted == truth),
        "hits": float(len(predicted & truth)),
        "predicted": float(len(predicted)),
        "actual": float(len(truth)),
        "persistence_exact": float(persistence == truth),
        "persistence_hits": float(len(persistence & truth)),
        "persistence_predicted": float(len(persistence)),
    }
