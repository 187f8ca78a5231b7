"""Everything the dashboard knows of one stream: a state machine fed with the records that were written."""

from __future__ import annotations

import collections
import dataclasses
import threading
from typing import NamedTuple

import msgspec

from stream.dashboard import records
from stream.dashboard.labels import Birth, Labels
from stream.dashboard.ledger import Ledger, Seen
from stream.dashboard.records import Written
from stream.dashboard.series import Buckets
from stream.records import DriftRecord, PartitionRecord

DRIFT_KEPT, LETTERS_KEPT, LEVELS_KEPT = 5_000, 200, 400
RANGES = {"minutes": (2.0, 450), "hours": (60.0, 480)}
"""Ranges of time beside all of it: seconds in a bucket, and buckets."""
OFFSETS = 50.0
"""Offsets in a bucket of a run's series, at first."""


Levels = collections.deque[tuple[float, float, float]]
"""What one monitor of one partition measured: place on the axis, statistic, threshold."""


class Drift(NamedTuple):
    """A drift event, where its event stands, and when it was written."""

    number: int
    partition: int
    offset: int
    time: float | None
    record: DriftRecord


class Letter(NamedTuple):
    """A dead letter, likewise."""

    partition: int
    offset: int
    time: float | None
    reason: str
    detail: str


@dataclasses.dataclass
class Run:
    """One run's scores over offsets, so that runs over the same events can be laid on each other."""

    name: str
    series: Buckets = dataclasses.field(default_factory=lambda: Buckets(OFFSETS, 400))
    predictions: int = 0
    encoder: str = ""


@dataclasses.dataclass
class Partition:
    """What is known of one partition."""

    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    previous: tuple[str, ...] | None = None
    updates: int = 0
    latest: int = -1
    account: PartitionRecord | None = None

    @property
    def written(self) -> int:
        """Messages learned from when statistics were last written."""
        return self.account.updates if self.account else 0


class Model:
    """Adds up what was written; give it the records of each partition in order.

    A record that was taken in before changes nothing: reading may begin again anywhere.

    Parameters
    ----------
    name
        What is looked at, for people.
    timed
        Whether records say when they were written. A replay's file does not: its axis is the offset.

    Attributes
    ----------
    lock
        Held by whoever reads several things that belong together, or feeds.
    version
        Counts the records taken in.
    lag
        By partition, events that are not answered yet, where somebody knows.
    problem
        Why nothing comes, in words; empty while all is well.
    ready
        Whether all that was there at the start is taken in.

    Examples
    --------
    >>> model = Model("example")
    >>> model.take(Written("dead-letter", 0, 7, 1.0, reason="json"))
    >>> model.letters[0].reason, model.version
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
        self.partitions: dict[int, Partition] = {}
        self.runs: dict[str, Run] = {}
        self.labels = Labels()
        self.drift: collections.deque[Drift] = collections.deque(maxlen=DRIFT_KEPT)
        self.letters: collections.deque[Letter] = collections.deque(maxlen=LETTERS_KEPT)
        self.reasons: collections.Counter[str] = collections.Counter()
        self.levels: dict[str, dict[int, Levels]] = {}
        self._alarms = 0
        self._last_drift: dict[int, tuple[int, set[bytes]]] = {}
        self._last_letter: dict[int, int] = {}

    def take(self, written: Written) -> None:
        """Take in one record; what cannot be read is counted as skipped."""
        partition = self.partitions.setdefault(written.partition, Partition())
        try:
            if written.kind == "prediction":
                self._prediction(partition, written)
            elif written.kind == "drift":
                self._drift(written)
            elif written.kind == "label-stats":
                self._label(partition, written)
            elif written.kind == "partition-stats":
                self._account(partition, written)
            elif written.kind == "dead-letter":
                self._letter(written)
            self.version += 1
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            self.skipped += 1

    def at(self, written: Written) -> float:
        """Return a record's place on the axis."""
        if self.timed:
            return written.time or 0.0
        return float(written.offset)

    def _add(self, written: Written, **values: float) -> None:
        for series in self.series.values():
            series.add(self.at(written), **values)

    def _prediction(self, partition: Partition, written: Written) -> None:
        found = records.prediction.decode(written.value or b"")
        truth = found.truth
        complete = tuple(truth.labels) if truth is not None and truth.complete else None
        seen = Seen(
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
        if not partition.ledger.add(seen):
            return
        partition.updates = max(partition.updates, seen.updates + seen.taught)
        partition.latest = seen.offset
        born = 0
        for label in truth.labels if truth is not None else ():
            place = Birth(written.partition, written.offset, written.time)
            born += self.labels.seen(label, place, seen.updates + 1)
        values = {"predictions": 1.0, "births": float(born), **_counts(seen, partition.previous)}
        run = self.runs.setdefault(found.run, Run(found.run, encoder=found.encoder))
        run.predictions += 1
        run.series.add(written.offset, **values)
        if written.time is not None and written.event_time is not None:
            values |= {"delay": max(0.0, written.time - written.event_time), "delays": 1.0}
        self._add(written, **values)
        if complete is not None:
            partition.previous = complete

    def _drift(self, written: Written) -> None:
        value = written.value or b""
        last, known = self._last_drift.get(written.partition, (-1, set()))
        if written.offset < last or (written.offset == last and value in known):
            return
        record = records.drift.decode(value)
        self._last_drift[written.partition] = (
            written.offset,
            known | {value} if written.offset == last else {value},
        )
        self._alarms += 1
        self.drift.append(Drift(self._alarms, written.partition, written.offset, written.time, record))
        self._add(written, alarms=1)

    def _label(self, partition: Partition, written: Written) -> None:
        record = records.label.decode(written.value or b"")
        self.labels.take(written.partition, record)
        partition.updates = max(partition.updates, record.updates)

    def _account(self, partition: Partition, written: Written) -> None:
        account = partition.account = records.whole.decode(written.value or b"")
        partition.updates = max(partition.updates, account.updates)
        for name, (statistic, threshold) in account.watched.items():
            of_partition = self.levels.setdefault(name, {})
            levels = of_partition.setdefault(written.partition, collections.deque(maxlen=LEVELS_KEPT))
            levels.append((self.at(written), statistic, threshold))

    def _letter(self, written: Written) -> None:
        if written.offset <= self._last_letter.get(written.partition, -1):
            return
        self._last_letter[written.partition] = written.offset
        self.reasons[written.reason or "unknown"] += 1
        self.letters.append(
            Letter(written.partition, written.offset, written.time, written.reason, written.detail)
        )
        self._add(written, dead_letters=1)


def _counts(seen: Seen, previous: tuple[str, ...] | None) -> dict[str, float]:
    """Return what a prediction adds to the scores, beside what repeating the previous labels would."""
    if seen.truth is None:
        return {}
    truth, predicted, before = set(seen.truth), set(seen.labels), set(previous or ())
    return {
        "scored": 1.0,
        "exact": float(predicted == truth),
        "hits": float(len(predicted & truth)),
        "predicted": float(len(predicted)),
        "actual": float(len(truth)),
        "previous_exact": float(before == truth),
        "previous_hits": float(len(before & truth)),
        "previous_predicted": float(len(before)),
    }
