"""Statistics of each label, for the compacted topic: frequency, accuracy, first occurrence, cluster.

A partition writes at fixed offsets, so the same records give the same bytes for any division into batches.
It writes at most `WRITTEN_AT_ONCE` labels each time, those that have waited longest first: for any number of
labels, a message costs no more than one such record on average. One more record describes the partition
itself, under the empty key, which no label can have.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Ids, State, Stateful, Values, compiled, fields, grown
from drift.monitors import Monitors
from learners.core import Learner
from learners.metrics import Prequential, f1
from stream.records import LabelRecord, PartitionRecord

WRITTEN_EVERY = 500
"""Number of offsets between two writes."""
WRITTEN_AT_ONCE = 500
"""Most labels per write; the others stay queued."""
SHORT_HALF_LIFE, LONG_HALF_LIFE = 500.0, 5_000.0
"""Half-lives, in learned messages, of a label's recent and of its usual rate."""


def due(next_offset: int, offset: int) -> bool:
    """Whether statistics are written with the record at an offset, given the expected `next_offset`."""
    return offset // WRITTEN_EVERY > (next_offset - 1) // WRITTEN_EVERY >= 0


class LabelStatistics(Stateful):
    """Counts the labels of each learned message, and selects those whose records are due.

    Examples
    --------
    >>> statistics = LabelStatistics()
    >>> statistics.update(np.array([0]), np.array([0, 1]), offset=7)
    >>> statistics.due(np.zeros(0, dtype=np.intp)), statistics.seen(0), statistics.rates([0])
    ([0, 1], (7, 7), [(1.0, 1.0)])
    """

    state_fields = fields(Arrays("_seen", "_rates", "_updated", "_owners"), Values("_messages"))

    def __init__(self) -> None:
        self._seen: NDArray[np.int64] = np.full((0, 2), -1, dtype=np.int64)  # first, last offset
        self._rates: NDArray[np.float64] = np.zeros((0, 2))
        self._updated: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._owners: Ids = np.zeros(0, dtype=np.intp)
        self._waiting: dict[int, None] = {}
        self._messages = 0

    def update(self, actual: Ids, predicted: Ids, offset: int) -> None:
        """Count one message: the labels it has, those predicted for it, and its offset."""
        self._messages += 1
        labels = [*actual.tolist(), *predicted.tolist()]
        for label in labels:
            self._waiting.setdefault(label)
        size = max(labels, default=-1) + 1
        self._seen = grown(self._seen, size, 2, fill=-1)
        self._rates = grown(self._rates, size, 2)
        self._updated = grown(self._updated, size)
        if not len(actual):
            return
        faded = self._faded(actual)
        self._updated[actual] = self._messages
        _count(self._seen, self._rates, actual, faded, _STEP, offset)

    def forget(self, labels: Ids) -> None:
        """Forget some labels, whose ids go to others."""
        for label in labels.tolist():
            self._waiting.pop(label, None)
        labels = labels[labels < len(self._seen)]
        self._seen[labels], self._rates[labels], self._updated[labels] = -1, 0.0, 0

    def resume(self, label: int, seen: Sequence[int]) -> None:
        """Go on from what `seen` returned for a label that is back."""
        self._seen = grown(self._seen, label + 1, 2, fill=-1)
        self._rates = grown(self._rates, label + 1, 2)
        self._updated = grown(self._updated, label + 1)
        self._seen[label] = seen

    def due(self, owners: Ids) -> list[int]:
        """Return the labels whose records are due, and remove them from the queue.

        A label is due when it occurred or was predicted since it was last written, or when its cluster
        changed: `owners` has the cluster of each label.
        """
        common = min(len(owners), len(self._owners))
        for label in np.flatnonzero(owners[:common] != self._owners[:common]).tolist():
            self._waiting.setdefault(label)
        self._owners = np.array(owners)
        due = list(islice(self._waiting, WRITTEN_AT_ONCE))
        for label in due:
            del self._waiting[label]
        return due

    def seen(self, label: int) -> tuple[int, int]:
        """Return the offsets of the first and the latest message with a label; -1 if there was none."""
        if label >= len(self._seen):
            return -1, -1
        first, last = self._seen[label].tolist()
        return first, last

    def rates(self, labels: Sequence[int]) -> list[tuple[float, float]]:
        """Return the recent and the usual rate of labels."""
        ids = np.array(labels, dtype=np.intp)
        # Correct the bias of averages that start at 0: divide by the weight that they have gathered so far.
        weight = 1.0 - 0.5 ** (self._messages / _HALF_LIVES)
        return [(now, usual) for now, usual in np.minimum(self._faded(ids) / weight, 1.0).tolist()]

    def _faded(self, labels: Ids) -> NDArray[np.float64]:
        messages = self._messages - self._updated[labels]
        faded: NDArray[np.float64] = self._rates[labels] * 0.5 ** (messages[:, None] / _HALF_LIVES)
        return faded

    def state(self) -> State:
        """Return all counts, as arrays and plain JSON values."""
        return super().state() | {"waiting": list(self._waiting)}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._waiting = dict.fromkeys(state["waiting"])


@compiled
def _count(
    seen: NDArray[np.int64],
    rates: NDArray[np.float64],
    labels: Ids,
    faded: NDArray[np.float64],
    step: NDArray[np.float64],
    offset: int,
) -> None:
    """Note where labels were seen, and add a message that has them to their rates."""
    for place in range(len(labels)):
        label = labels[place]
        for column in range(2):
            rates[label, column] = faded[place, column] + step[column]
        if seen[label, 0] < 0:
            seen[label, 0] = offset
        seen[label, 1] = offset


_HALF_LIVES = np.array([SHORT_HALF_LIFE, LONG_HALF_LIFE])
_STEP = 1.0 - 0.5 ** (1.0 / _HALF_LIVES)


def label_records(
    statistics: LabelStatistics, learner: Learner, scores: Prequential
) -> Iterator[LabelRecord]:
    """Yield the records of the labels that are due."""
    owners = learner.structure().owners
    labels = statistics.due(owners)
    if not labels:
        return
    counts = scores.per_label(labels)
    for label, (hits, predicted, count), (rate, usual) in zip(
        labels, counts, statistics.rates(labels), strict=True
    ):
        first_seen, last_seen = statistics.seen(label)
        yield LabelRecord(
            label=learner.label_space.name(label),
            count=count,
            predicted=predicted,
            hits=hits,
            f1=round(f1(hits, predicted, count, nothing=0.0), 4),
            first_seen=first_seen,
            last_seen=last_seen,
            rate=round(rate, 6),
            usual=round(usual, 6),
            cluster=int(owners[label]) if label < len(owners) else None,
            updates=scores.counts()[0],
        )


def partition_record(learner: Learner, scores: Prequential, monitors: Monitors) -> PartitionRecord:
    """Return the current state of a partition."""
    recent = dataclasses.asdict(scores.recent.summary())
    del recent["messages"]
    watched = {name: pair for name, pair in monitors.watched().items() if all(map(math.isfinite, pair))}
    return PartitionRecord(
        updates=scores.counts()[0],
        scores={name: round(score, 6) for name, score in recent.items()},
        learner=learner.statistics().figures(),
        splits=learner.structure().splits,
        watched=watched,
    )
