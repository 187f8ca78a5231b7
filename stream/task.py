"""One partition's pipeline as a pure state machine: records in, records out, state inside.

A task knows neither brokers nor clocks. Whoever drives it (`worker`, `memory`, `replay`, `evaluate`)
hands it records in offset order and writes what it returns; the same records give the same bytes,
however they were batched. Encoding is batched; *predict, then learn* is strictly one message at a time.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from drift.monitors import Alarm, Monitors, Observation
from learners.base import Explanation, Learner, Prediction, State, Vector
from learners.labels import Targets
from learners.metrics import Prequential
from stream.encoders.base import Encoder
from stream.events import (
    BadEventError,
    DriftRecord,
    Event,
    Headers,
    Model,
    Nearest,
    Output,
    PredictionRecord,
    Record,
    Truth,
    Why,
    decode_event,
    encode,
)
from stream.label_stats import EVERY, LabelStatistics, label_records, partition_record

LISTED_SCORES = 10
"""How many of the best scores a prediction lists, beside every predicted label's."""
EXPLAINED, NEAREST, NEAREST_LABELS = 5, 3, 20
"""How many labels a prediction explains, how many past messages it names, and labels of each of these."""


class Outcome(NamedTuple):
    """What a batch of records led to.

    Parameters
    ----------
    outputs
        Records to write, in order.
    next_offset
        The offset to commit: one past the last record taken in.
    """

    outputs: list[Output]
    next_offset: int


class Encoded(NamedTuple):
    """An event and its vector."""

    event: Event
    x: Vector


class Task:
    """The pipeline of one partition.

    Parameters
    ----------
    encoder, learner, monitors
        What turns events into vectors, what labels them, what watches.
    run
        Name of the run, written into every prediction.
    source
        CloudEvents source of what it writes.
    live_from
        First offset whose outputs are returned. Records below it are learned silently: that is how a
        restarted worker comes back to where it was.

    Examples
    --------
    >>> from learners import IHOMER
    >>> from stream.encoders import Hashing
    >>> task = Task(Hashing(), IHOMER(), Monitors(), run="example", source="/example")
    >>> value = b'{"id": "1", "ts": 0, "text": "wheat up", "labels": ["grain"]}'
    >>> outcome = task.process([Record("s.events", 0, 0, 0, b"1", value)])
    >>> outcome.outputs[0].kind, outcome.next_offset
    ('predictions', 1)
    """

    def __init__(
        self,
        encoder: Encoder,
        learner: Learner,
        monitors: Monitors,
        *,
        run: str,
        source: str,
        live_from: int = 0,
    ) -> None:
        self.encoder = encoder
        self.learner = learner
        self.monitors = monitors
        self.run = run
        self.source = source
        self.live_from = live_from
        self.scores = Prequential()
        self.label_statistics = LabelStatistics()
        self.next_offset = 0
        self.updates = 0
        self.dead_letters = 0
        self._trained_through: dict[str, int] = {}
        self._digest = hashlib.blake2b(f"{encoder.name}\n{learner!r}".encode(), digest_size=16).hexdigest()

    def process(self, records: Sequence[Record]) -> Outcome:
        """Take in records of one partition, in offset order, and return what to write and commit.

        Raises
        ------
        ValueError
            When a record has been taken in before: whoever drives the task has lost its place.
        """
        self._check_order(records)
        decoded = self._encode([self._decode(record) for record in records])
        outputs: list[Output] = []
        for record, result in zip(records, decoded, strict=True):
            produced = (
                self._refuse(record, result)
                if isinstance(result, BadEventError)
                else self._step(record, *result)
            )
            if self.updates and record.offset // EVERY > (self.next_offset - 1) // EVERY >= 0:
                produced += self._statistics(record)
            self.next_offset = record.offset + 1
            if record.offset >= self.live_from:
                outputs.extend(produced)
        return Outcome(outputs, self.next_offset)

    def _check_order(self, records: Sequence[Record]) -> None:
        expected = self.next_offset
        for record in records:
            if record.offset < expected:
                raise ValueError(
                    f"Offset {record.offset} of {record.topic} partition {record.partition} came again after "
                    f"{expected - 1}; a task takes every record once, in order. Restore it and seek back."
                )
            expected = record.offset + 1

    def advance(self, event: Event, x: Vector) -> tuple[Prediction, list[Alarm]]:
        """Predict one event's labels, then learn its true ones where it has them: test, then train."""
        prediction = self.learner.predict(x)
        if not event.teaches:
            return prediction, []
        known = len(self.learner.label_space)
        targets = self.learner.label_space.targets(event.labels or (), event.negative)
        self.scores.update(prediction, targets, len(self.learner.label_space))
        self.learner.learn(x, targets)
        self.updates += 1
        return prediction, self._watch(prediction, targets, known)

    def _watch(self, prediction: Prediction, targets: Targets, known: int) -> list[Alarm]:
        predicted = prediction.labels
        if targets.negative is not None:
            said = np.union1d(targets.positive, targets.negative)
            predicted = np.intersect1d(predicted, said, assume_unique=True)
        seen = Observation(
            predicted=predicted,
            actual=targets.positive,
            complete=targets.complete,
            appeared=self.learner.label_space.names(range(known, len(self.learner.label_space))),
        )
        changes = [
            Alarm("clusters", "structure", change.subject, change.statistic, change.threshold, 0, change.kind)
            for change in self.learner.changes
        ]
        return changes + self.monitors.update(seen)

    def _decode(self, record: Record) -> Event | BadEventError:
        try:
            event = decode_event(record.value)
            self.encoder.check(event)
        except BadEventError as bad:
            return bad
        return event

    def _encode(self, decoded: Sequence[Event | BadEventError]) -> list[Encoded | BadEventError]:
        events = [event for event in decoded if isinstance(event, Event)]
        encoded = iter(self._vectors(events))
        return [event if isinstance(event, BadEventError) else next(encoded) for event in decoded]

    def _vectors(self, events: Sequence[Event]) -> list[Encoded | BadEventError]:
        try:
            return [Encoded(*pair) for pair in zip(events, self.encoder.encode(events), strict=True)]
        except Exception:
            # One by one, so that only the events that the encoder cannot take are lost to the stream.
            return [self._vector(event) for event in events]

    def _vector(self, event: Event) -> Encoded | BadEventError:
        try:
            (x,) = self.encoder.encode([event])
        except Exception as error:
            return BadEventError(
                "encoder", f"{self.encoder.name} cannot encode it: {type(error).__name__}: {error}"
            )
        return Encoded(event, x)

    def _step(self, record: Record, event: Event, x: Vector) -> list[Output]:
        # What is written says what the model had learned *before* this record.
        trained_through, model = dict(self._trained_through), Model(self.updates, self._digest)
        why = self.learner.explain(x, EXPLAINED, NEAREST) if record.offset >= self.live_from else None
        prediction, alarms = self.advance(event, x)
        if self.updates > model.updates:
            self._trained_through[record.topic] = record.offset
            self._digest = _chain(self._digest, record)
            actual = self.learner.label_space.ids(event.labels or ())
            self.label_statistics.update(actual, prediction.labels, record.offset)
        written = PredictionRecord(
            id=event.id,
            labels=self.learner.label_space.names(prediction.labels),
            scores=self._listed(prediction),
            clusters=self.learner.clusters_of(prediction.labels),
            trained_through=trained_through,
            model=model,
            encoder=self.encoder.name,
            run=self.run,
            truth=None if event.labels is None else Truth(event.labels, event.labels_complete),
            why=None if why is None else self._told(why),
        )
        outputs = [Output("predictions", record.key, encode(written), self._headers(record, "prediction"))]
        outputs += [self.drift(record, alarm, str(position)) for position, alarm in enumerate(alarms)]
        return outputs

    def _listed(self, prediction: Prediction) -> dict[str, float]:
        listed = np.union1d(prediction.best(LISTED_SCORES)[0], prediction.labels)
        labels, scores = prediction.among(listed).best(len(listed))
        return dict(zip(self.learner.label_space.names(labels), scores.tolist(), strict=True))

    def _told(self, why: Explanation) -> Why:
        names = self.learner.label_space.names
        return Why(
            labels=names(why.labels),
            opinions={expert: _rounded(given) for expert, given in why.opinions.items()},
            weights={expert: _rounded(given) for expert, given in why.weights.items()},
            nearest=[
                Nearest(number, round(weight, 3), names(labels[:NEAREST_LABELS]))
                for number, weight, labels in why.neighbours
            ],
        )

    def _statistics(self, record: Record) -> list[Output]:
        """Return what is known of labels whose figures are due, and of the partition."""
        outputs = [
            Output(
                "label-stats",
                each.label.encode(),
                encode(each),
                self._headers(record, f"label-stats.{position}"),
            )
            for position, each in enumerate(label_records(self.label_statistics, self.learner, self.scores))
        ]
        whole = encode(partition_record(self.learner, self.scores, self.monitors))
        return [*outputs, Output("label-stats", b"", whole, self._headers(record, "partition-stats"))]

    def drift(self, record: Record, alarm: Alarm, name: str) -> Output:
        """Return the drift event that says of an alarm; `name` tells it from others of the same record."""
        written = DriftRecord(**alarm._asdict())
        return Output(
            "drift", alarm.subject.encode(), encode(written), self._headers(record, f"drift.{name}")
        )

    def _refuse(self, record: Record, bad: BadEventError) -> list[Output]:
        self.dead_letters += 1
        headers: Headers = (
            *record.headers,
            *self._headers(record, "dead-letter", passed_on=False),
            ("ithaca_reason", bad.reason.encode()),
            ("ithaca_detail", bad.detail.encode()),
        )
        return [Output("dlq", record.key, record.value, headers)]

    def _headers(self, record: Record, kind: str, *, passed_on: bool = True) -> Headers:
        headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", f"{record.topic}/{record.partition}/{record.offset}/{kind}"),
            ("ce_type", f"ithaca.{kind.partition('.')[0]}"),
            ("ce_source", self.source),
            ("ce_time", _rfc3339(record.timestamp)),
        ]
        kept = [
            header for header in record.headers if passed_on and header[0] in ("traceparent", "tracestate")
        ]
        return (*((name, value.encode()) for name, value in headers), *kept)

    def state(self) -> State:
        """Return everything the pipeline has learned; belongs to `next_offset`. See `Learner.state`."""
        return {
            "next_offset": self.next_offset,
            "updates": self.updates,
            "dead_letters": self.dead_letters,
            "trained_through": dict(self._trained_through),
            "digest": self._digest,
            "encoder": self.encoder.state(),
            "learner": self.learner.state(),
            "monitors": self.monitors.state(),
            "scores": self.scores.state(),
            "label_statistics": self.label_statistics.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a task with equal settings."""
        self.next_offset = state["next_offset"]
        self.updates = state["updates"]
        self.dead_letters = state["dead_letters"]
        self._trained_through = dict(state["trained_through"])
        self._digest = state["digest"]
        self.encoder.load_state(state["encoder"])
        self.learner.load_state(state["learner"])
        self.monitors.load_state(state["monitors"])
        self.scores.load_state(state["scores"])
        self.label_statistics.load_state(state["label_statistics"])


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 3) for number in numbers]


def _rfc3339(milliseconds: int) -> str:
    # Producers may stamp a record with any 64-bit number; what no calendar holds becomes its epoch.
    try:
        time = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        time = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return time.isoformat(timespec="milliseconds")


def _chain(digest: str, record: Record) -> str:
    # A hash chain over what was learned, in order: two predictions with equal digests come from models
    # that learned the same records. Constant cost, where hashing the model itself would cost O(model).
    running = hashlib.blake2b(bytes.fromhex(digest), digest_size=16)
    running.update(record.value or b"")
    return running.hexdigest()
