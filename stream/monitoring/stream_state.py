"""The dashboard's state of one stream: a state machine that takes in its records."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Hashable
from typing import Any, NamedTuple

import msgspec

from stream.monitoring import output_records
from stream.monitoring.contents import Contents
from stream.monitoring.label_figures import Birth, Labels
from stream.monitoring.output_records import InputRecord, OutputRecord, TriageEntry
from stream.monitoring.recent_predictions import RecentPrediction, RecentPredictions
from stream.monitoring.series import Buckets
from stream.monitoring.vitals import Vitals
from stream.pipeline import KnownLabels
from stream.records import DriftRecord, Event, Feedback, PartitionRecord, TriageRecord

DRIFT_KEPT, DEAD_LETTERS_KEPT, LEVELS_KEPT, DELAYS_KEPT = 5_000, 1_000, 400, 1_000
RANGES = {"minutes": (2.0, 450), "day": (180.0, 480)}
"""Ranges of time in addition to the whole: width of a bucket in seconds, and number of buckets."""
OFFSETS = 50.0
"""Initial width of a bucket of a run's series, in offsets."""


MonitorLevels = collections.deque[tuple[float, float, float]]
"""Measurements of one monitor of one partition: position on the axis, statistic, threshold."""


class DriftEvent(NamedTuple):
    """A drift event, the position of what raised it, when it was written, and a name that stays.

    Where all partitions share a model, the position is on the lessons; see `StreamState.placed`.
    """

    number: int
    partition: int
    offset: int
    time: float | None
    record: DriftRecord
    shared: bool = False
    name: str = ""


class DeadLetter(NamedTuple):
    """A dead letter: its event's position, when it was written, why, its own offset, its event's topic."""

    partition: int
    offset: int
    time: float | None
    reason: str
    detail: str
    at: int
    source: str


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

    contents: Contents
    recent: RecentPredictions = dataclasses.field(default_factory=RecentPredictions)
    latest_truth: tuple[str, ...] = ()
    updates: int = 0
    latest: int = -1
    trained_through: int = -1
    statistics: PartitionRecord | None = None

    @property
    def written(self) -> int:
        """Messages learned from when statistics were last written."""
        return self.statistics.updates if self.statistics else 0


class StreamState:
    """Aggregates a stream's records; those of one topic's partition must be given in order.

    Labels that come after their event's prediction are joined to it, as the workers do: it is scored once,
    when its labels are completely known, at the place of its prediction.

    A record that was taken in before changes nothing: reading may restart at any offset.

    Parameters
    ----------
    name
        Name to display.
    timed
        Whether records carry the time of writing. Without it, as in a replay's file, the axis is the offset.
    characters
        Most characters kept of what each event says, 400 by default; 0 keeps nothing.
    coverage
        Wanted coverage of the conformal sets, to compare with; None (the default) compares with nothing.

    Attributes
    ----------
    lock
        Held while several values are read consistently, and while records are taken in.
    version
        Number of changes: of records taken in, and of the workers' vitals.
    vitals
        What the broker and the store of snapshots say of the workers; None as long as nobody asked.
    label_delays
        Seconds from event to labels, of the latest messages whose labels came later.
    problem
        Why no records arrive, in words; empty if all is well.
    triage
        What people decided, by the keys of its records.
    made
        What was computed from the state and may be used again, by what it depends on; see `incident_reports`.
    ready
        Whether everything that existed at the start has been taken in.

    Examples
    --------
    >>> state = StreamState("example")
    >>> state.take(OutputRecord("dead-letter", 0, 7, 1.0, reason="json"))
    >>> state.dead_letters[0].reason, state.version
    ('json', 1)
    """

    def __init__(
        self, name: str, *, timed: bool = True, characters: int = 400, coverage: float | None = None
    ) -> None:
        self.name = name
        self.timed = timed
        self.characters = characters
        self.coverage = coverage
        self.lock = threading.Lock()
        self.version = 0
        self.vitals: Vitals | None = None
        self.label_delays: collections.deque[float] = collections.deque(maxlen=DELAYS_KEPT)
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
        self.triage: dict[str, TriageRecord] = {}
        self.made: dict[Hashable, Any] = {}
        self._alarms = 0
        self._last_drift: dict[int, tuple[int, set[bytes]]] = {}
        self._last_dead_letter: dict[int, int] = {}

    def take(self, written: OutputRecord | InputRecord | TriageEntry) -> None:
        """Take in one record; one that cannot be read is counted as skipped."""
        if isinstance(written, TriageEntry):
            self.triage.pop(written.key, None)
            if written.decision is not None:
                self.triage[written.key] = written.decision
            self.version += 1
            return
        partition = self.partitions.get(written.partition)
        if partition is None:
            partition = self.partitions[written.partition] = PartitionState(Contents(self.characters))
        try:
            if isinstance(written, InputRecord):
                self._input(partition, written)
            elif written.kind == "prediction":
                self._prediction(partition, written)
            elif written.kind in ("drift", "finding"):
                self._drift(written)
            elif written.kind == "label-stats":
                self._label(partition, written)
            elif written.kind == "partition-stats":
                self._partition_statistics(partition, written)
            elif written.kind == "dead-letter":
                self._dead_letter(written)
            self.version += 1
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.skipped += 1

    def see(self, vitals: Vitals) -> None:
        """Take in what the broker says of the workers now."""
        # Counted, as a view compares: what changed and changed back between two looks was drawn perhaps.
        if self.vitals is None or self.vitals._replace(asked=vitals.asked) != vitals:
            self.version += 1
        self.vitals = vitals

    def at(self, written: OutputRecord) -> float:
        """Return a record's position on the axis."""
        if self.timed:
            return written.time or 0.0
        return float(written.offset)

    def placed(self, drift: DriftEvent) -> DriftEvent:
        """Return a drift event at the position of the event that was answered last before it was written."""
        if not drift.shared or drift.time is None:
            return drift
        answered = [(number, each) for number, each in sorted(self.partitions.items()) if len(each.recent)]
        if not answered:
            return drift
        number, partition = answered[0]
        return drift._replace(partition=number, offset=partition.recent.until(drift.time), shared=False)

    def _add(self, written: OutputRecord, **values: float) -> None:
        for series in self.series.values():
            series.add(self.at(written), **values)

    def _input(self, partition: PartitionState, written: InputRecord) -> None:
        if isinstance(written.message, Event):
            partition.contents.add(written.offset, written.time, written.message)
        elif isinstance(written.message, Feedback):
            said = KnownLabels.of(written.message)
            self._join(partition, written.message.id, said, written.offset, written.time)

    def _join(
        self, partition: PartitionState, name: str, said: KnownLabels, offset: int, time: float | None
    ) -> None:
        joined = partition.recent.join(name, said, offset, time)
        if joined is None:
            return
        before, seen = joined
        if time is not None and seen.came is not None and time > seen.came:
            self.label_delays.append(time - seen.came)
        for label in said.labels:
            if seen.known is not None and label in seen.known.labels:
                self.labels.seen(label, Birth(seen.partition, seen.offset, seen.time), seen.updates + 1)
        if before.truth is None and seen.truth is not None:
            self._score(partition, seen)

    def _score(self, partition: PartitionState, seen: RecentPrediction) -> None:
        """Add a prediction's scores at its place, its labels now being known."""
        values = seen.counts(partition.latest_truth)
        partition.latest_truth = seen.truth or ()
        self.runs[seen.run].series.add(seen.offset, **values)
        for series in self.series.values():
            series.add((seen.time or 0.0) if self.timed else float(seen.offset), **values)

    def _prediction(self, partition: PartitionState, written: OutputRecord) -> None:
        found = output_records.prediction_decoder.decode(written.value or b"")
        truth, confidence = found.truth, found.confidence
        own = None if truth is None else KnownLabels(tuple(truth.labels), None if truth.complete else ())
        seen = RecentPrediction(
            written.partition,
            written.offset,
            written.time,
            found.id,
            found.run,
            found.model.updates,
            tuple(found.labels),
            own,
            taught=truth is not None,
            value=written.value or b"",
            came=written.event_time,
            unsure=confidence is not None and confidence.reject,
            possible=None if confidence is None else tuple(confidence.labels),
        )
        if not partition.recent.add(seen):
            return
        partition.updates = max(partition.updates, seen.updates + seen.taught)
        partition.latest = seen.offset
        partition.trained_through = max((each.offset for each in found.trained_through), default=-1)
        born = 0
        for label in truth.labels if truth is not None else ():
            place = Birth(written.partition, written.offset, written.time)
            born += self.labels.seen(label, place, seen.updates + 1)
        values = {"predictions": 1.0, "births": float(born), "unsure": float(seen.unsure)}
        run = self.runs.setdefault(found.run, RunScores(found.run, encoder=found.encoder))
        run.predictions += 1
        run.series.add(written.offset, **values)
        if written.time is not None and written.event_time is not None:
            values |= {"delay": max(0.0, written.time - written.event_time), "delays": 1.0}
        self._add(written, **values)
        if seen.truth is not None:
            self._score(partition, seen)
        for waiting in partition.recent.waiting(seen.id):
            self._join(partition, seen.id, *waiting)

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
        at = "lessons" if written.shared else str(written.partition)
        name = f"{at}/{written.offset}/{record.detector}/{record.subject}"
        place = written.partition, written.offset, written.time
        self.drift.append(DriftEvent(self._alarms, *place, record, written.shared, name))
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
        at = written.offset if written.at is None else written.at
        if at <= self._last_dead_letter.get(written.partition, -1):
            return
        self._last_dead_letter[written.partition] = at
        self.reasons[written.reason or "unknown"] += 1
        place = written.partition, written.offset, written.time
        self.dead_letters.append(DeadLetter(*place, written.reason, written.detail, at, written.source))
        self._add(written, dead_letters=1)
