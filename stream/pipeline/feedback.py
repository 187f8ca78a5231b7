"""Delayed labels: predicted events are kept, within bounds, until feedback joins them.

Every feedback has exactly one outcome:

* *joined*: the first labels of an event that is kept; *early*: the same, but the feedback arrived before its
  event and waited for it;
* *extended*: more labels of an event that has some, none of them known otherwise; *corrected*: a label
  that was known turns out otherwise; *duplicate*: nothing new;
* *late*: the event existed, but is no longer kept; *orphan*: no such event arrived while it waited.

An event that brings labels of its own is a later record than feedback that waited for it: that counts for the
labels that the event leaves open (*extended*), or for nothing (*duplicate*).

What is joined, early, extended or corrected is learned, together with everything known of the event by then.
No clock is read: time is taken from the records.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from drift.core import State, Vector
from learners.core import Prediction
from learners.uncertainty import Confidence
from stream.pipeline.lesson import DIGEST, NO_RECORD, KnownLabels, Lesson, hash_chain
from stream.pipeline.packed_prediction import PackedPrediction, pack, unpack
from stream.pipeline.stream_time import StreamTime
from stream.records import Event, Feedback

OVERHEAD = 512
"""Approximate memory of an event or feedback in addition to its arrays and texts, in bytes."""
OUTCOMES = ("joined", "early", "extended", "corrected", "duplicate", "late", "orphan")


@dataclasses.dataclass(frozen=True)
class FeedbackStatistics:
    """The outcomes of all feedback so far, and what is kept now.

    Parameters
    ----------
    joined, early, extended, corrected, duplicate, late, orphan
        Outcomes; see the module. With `waiting` they add up to the total number of feedback records.
    waiting
        Feedback that waits for its event.
    expired
        Events that were dropped before any labels arrived.
    kept
        Events that feedback could still join.
    kept_bytes
        Approximate memory of both, in bytes.
    """

    joined: int
    early: int
    extended: int
    corrected: int
    duplicate: int
    late: int
    orphan: int
    waiting: int
    expired: int
    kept: int
    kept_bytes: int


@dataclasses.dataclass(slots=True)
class Entry:
    """What is kept for one event id.

    Parameters
    ----------
    came
        When it arrived, in the stream's own time.
    number
        Number of events predicted by then.
    fingerprint
        Hash chain over all records that it comes from.
    prediction
        What was predicted; None where feedback waits for its event.
    known
        The known labels; None where nothing is known.
    """

    came: float
    number: int
    fingerprint: bytes
    prediction: PackedPrediction | None
    known: KnownLabels | None

    def bytes(self, name: str) -> int:
        """Return the approximate memory of the entry."""
        vector = self.prediction.bytes if self.prediction else 0
        return OVERHEAD + len(name) + vector + (self.known.characters if self.known else 0)


class FeedbackStore:
    """Keeps predicted events, joins feedback to them, and drops the oldest.

    Parameters
    ----------
    events
        Most ids kept, at least 0. If more events arrive before their labels do, the labels are too late.
    max_bytes
        Approximate memory limit in bytes. Long, dense vectors reach it first.
    horizon_s
        How long an id is kept, in seconds of the stream's own time; see `StreamTime`. Where that ran ahead by
        less than so much, up to twice as long.

    Examples
    --------
    >>> store = FeedbackStore()
    >>> prediction = Prediction(np.array([0]), np.array([0.9, 0.2], dtype=np.float32))
    >>> store.remember(Event(id="1", ts=0), np.ones(3, np.float32), prediction)
    >>> lesson = store.join(Feedback(id="1", ts=60, labels=["grain"]))
    >>> lesson.x.tolist(), lesson.known.labels, store.statistics().joined
    ([1.0, 1.0, 1.0], ('grain',), 1)
    """

    def __init__(
        self, events: int = 10_000, max_bytes: int = 64 * 2**20, horizon_s: float = 604_800.0
    ) -> None:
        self.events = events
        self.max_bytes = max_bytes
        self.horizon_s = horizon_s
        self._clear()

    def _clear(self) -> None:
        # The oldest leave first. A plain dictionary would step over all that have left to find its first key.
        self._entries: collections.OrderedDict[str, Entry] = collections.OrderedDict()  # In order of `came`.
        self._departed: collections.OrderedDict[bytes, None] = collections.OrderedDict()
        self._counts = dict.fromkeys((*OUTCOMES, "expired"), 0)
        self._waiting = self._bytes = self._predicted = 0
        self._time = StreamTime()

    def remember(
        self,
        event: Event,
        x: Vector,
        prediction: Prediction,
        fingerprint: bytes = NO_RECORD,
        confidence: Confidence | None = None,
        present_name: Callable[[str], str] = str,
    ) -> Lesson | None:
        """Keep an event that was predicted, and learned from if it has labels.

        Return the lesson of feedback that was waiting for it, if any.

        Parameters
        ----------
        event, x, prediction, fingerprint, confidence
            The event, its vector, what was predicted and how surely, and the hash of its record.
        present_name
            Returns what a label is called now: two records may name one label differently. By default each
            name is a label of its own.
        """
        self._advance_time(event.seconds)
        self._predicted += 1
        if not self.events:
            return None
        if self._departed:
            self._departed.pop(hash_chain(event.id.encode()), None)
        earlier = self._take_out(event.id)
        if earlier is not None and earlier.prediction is not None:
            self._counts["expired"] += earlier.known is None  # The same id again: the new one replaces it.
            earlier = None
        known = KnownLabels.of(event) if event.teaches else None
        entry = Entry(
            self._time.now,
            self._predicted,
            fingerprint,
            PackedPrediction.of(x, prediction, confidence),
            known,
        )
        lesson = None
        if earlier is not None and earlier.known is not None and known is not None:
            lesson = self._complete(entry, earlier.known, earlier.fingerprint, present_name)
        elif earlier is not None and earlier.known is not None:
            lesson = self._update(entry, earlier.known, earlier.fingerprint, "early", present_name)
        self._put_in(event.id, entry)
        return lesson

    def join(
        self,
        feedback: Feedback,
        fingerprint: bytes = NO_RECORD,
        present_name: Callable[[str], str] = str,
    ) -> Lesson | None:
        """Join labels to their event, if it is kept, and return the lesson from them; see `remember`."""
        self._advance_time(feedback.seconds)
        said = KnownLabels.of(feedback)
        entry = self._entries.get(feedback.id)
        if entry is not None:
            self._bytes -= entry.bytes(feedback.id)
            lesson = self._update(entry, said, fingerprint, "joined", present_name)
            self._bytes += entry.bytes(feedback.id)
            self._shrink()
            return lesson
        if hash_chain(feedback.id.encode()) in self._departed:
            self._counts["late"] += 1
        else:
            self._put_in(feedback.id, Entry(self._time.now, self._predicted, fingerprint, None, said))
        return None

    def statistics(self) -> FeedbackStatistics:
        """Return a frozen account of all feedback so far."""
        kept = len(self._entries) - self._waiting
        return FeedbackStatistics(**self._counts, waiting=self._waiting, kept=kept, kept_bytes=self._bytes)

    def _update(
        self,
        entry: Entry,
        said: KnownLabels,
        fingerprint: bytes,
        first: str,
        present_name: Callable[[str], str],
    ) -> Lesson | None:
        """Add labels to an entry, count the outcome, and return the lesson, if there is one."""
        earlier = entry.known
        if earlier is None:
            outcome, entry.known = first, said
        else:
            earlier, said = earlier.named(present_name), said.named(present_name)
            entry.known = earlier.updated(said)
            outcome = "corrected" if earlier.contradicts(said) else "extended"
            if entry.known.same(earlier):
                outcome, entry.known = "duplicate", earlier
        first_labels = earlier is None
        return self._lesson(entry, outcome, hash_chain(entry.fingerprint, fingerprint), first_labels)

    def _complete(
        self, entry: Entry, before: KnownLabels, fingerprint: bytes, present_name: Callable[[str], str]
    ) -> Lesson | None:
        """Complete an event's own labels by what was said before it came; see `_update`."""
        assert entry.known is not None
        own = entry.known.named(present_name)
        entry.known = before.named(present_name).updated(own)
        outcome = "duplicate" if entry.known.same(own) else "extended"
        # In the records' order: the same two the other way round teach something else.
        return self._lesson(entry, outcome, hash_chain(fingerprint, entry.fingerprint), first_labels=False)

    def _lesson(self, entry: Entry, outcome: str, fingerprint: bytes, first_labels: bool) -> Lesson | None:
        """Count an outcome, and return the lesson of an entry with new labels, if its event is there."""
        self._counts[outcome] += 1
        if outcome == "duplicate":
            return None
        entry.fingerprint = fingerprint
        if entry.prediction is None or entry.known is None:
            return None
        delay = self._predicted - entry.number
        lesson = Lesson(entry.prediction.x, None, entry.known, entry.fingerprint, delay)
        if not first_labels:
            return lesson
        return lesson._replace(prediction=entry.prediction.prediction, confidence=entry.prediction.confidence)

    def _advance_time(self, seconds: float) -> None:
        """Advance the stream's time by a time stamp, and drop entries that are now too old."""
        if self._time.advance(seconds, self.horizon_s):
            # As if they had come now: so `came` still ascends, and the oldest entries are the first.
            for entry in reversed(self._entries.values()):
                if entry.came <= self._time.now:
                    break
                entry.came = self._time.now
        while self._entries and self._time.known:
            name, entry = next(iter(self._entries.items()))
            if entry.came >= self._time.now - self.horizon_s:
                break
            self._give_up(name, entry)

    def _shrink(self) -> None:
        while len(self._entries) > self.events or self._bytes > self.max_bytes:
            self._give_up(*next(iter(self._entries.items())))

    def _put_in(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry
        self._bytes += entry.bytes(name)
        self._waiting += entry.prediction is None
        self._shrink()

    def _take_out(self, name: str) -> Entry | None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._bytes -= entry.bytes(name)
            self._waiting -= entry.prediction is None
        return entry

    def _give_up(self, name: str, entry: Entry) -> None:
        self._take_out(name)
        if entry.prediction is None:
            self._counts["orphan"] += 1
            return
        self._counts["expired"] += entry.known is None
        self._departed[hash_chain(name.encode())] = None
        if len(self._departed) > self.events:
            self._departed.popitem(last=False)

    def state(self) -> State:
        """Return everything kept, as arrays and plain JSON values."""
        entries = list(self._entries.values())
        stamps, now = self._time.state()
        texts = [(name, entry.known) for name, entry in self._entries.items()]
        return {
            "texts": np.frombuffer(msgspec.json.encode(texts), np.uint8),
            "came": np.array([entry.came for entry in entries], np.float64),
            "numbers": np.array([entry.number for entry in entries], np.int64),
            "predicted": self._predicted,
            "fingerprints": np.frombuffer(b"".join(entry.fingerprint for entry in entries), np.uint8),
            "awaited": np.array([entry.prediction is None for entry in entries], np.bool_),
            "guesses": pack([entry.prediction for entry in entries if entry.prediction is not None]),
            "departed": np.frombuffer(b"".join(self._departed), np.uint8),
            "counts": dict(self._counts),
            "stamps": stamps,
            "now": now,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a store with equal parameters."""
        self._clear()
        texts = msgspec.json.decode(
            np.asarray(state["texts"], np.uint8).tobytes(), type=list[tuple[str, KnownLabels | None]]
        )
        predictions = unpack(state["guesses"])
        columns = (
            np.asarray(state["came"], np.float64).tolist(),
            np.asarray(state["numbers"], np.int64).tolist(),
            _digests(state["fingerprints"]),
            np.asarray(state["awaited"], np.bool_).tolist(),
        )
        for (name, known), came, number, fingerprint, awaited in zip(texts, *columns, strict=True):
            prediction = None if awaited else next(predictions)
            self._put_in(name, Entry(came, number, fingerprint, prediction, known))
        self._predicted = state["predicted"]
        self._departed = collections.OrderedDict.fromkeys(_digests(state["departed"]))
        self._counts = dict(state["counts"])
        self._time = StreamTime(state["stamps"], state["now"])


def _digests(state: Any) -> list[bytes]:
    joined = np.asarray(state, np.uint8).tobytes()
    return [joined[begin : begin + DIGEST] for begin in range(0, len(joined), DIGEST)]
