"""Logistic regression on very many sparse features, in bounded memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Ids, Mask, Parts, State, Values, Vector, compiled, fields, grown
from learners.core import MAX_LABELS, Prediction, Statistics, Targets, check_number, sparse_part
from learners.dummy import PriorBased
from learners.linear_model.logistic import errors, sigmoid
from learners.linear_model.threshold import MicroF1Threshold

Ints = NDArray[np.int32]
Entries = NDArray[Any]

ENTRY = np.dtype([("label", np.uint32), ("weight", np.float32), ("square", np.float32)])
"""An entry of a feature's row: a label, its weight, and the sum of the weight's squared gradients."""
FIRST, SIZE, ROOM = range(3)
"""Columns of a feature's row: place of its first entry, number of entries, and number of places."""
LEAST_ROWS = 8
"""Places per label that are always allowed, whatever `max_size` is: rows with an entry for every label."""
KEPT = 0.4
"""Share of the memory that is in use after it was exhausted: the largest weights are kept."""
TOLERANCE = 0.02
"""Errors below it are not learned from: most labels are surely absent, and get no weights."""
INTERCEPT = 0.3
"""Learning rate of the intercept, as a share of `rate`: the prior accounts for a label's frequency."""
EPSILON = np.float32(1e-4)
"""Initial sum of squared gradients, so that a first step on a small error is smaller than the rate."""


@dataclasses.dataclass(frozen=True)
class SparseStatistics(Statistics):
    """What `SparseLogisticRegression.statistics` returns: the common figures, and what memory was used for.

    Parameters
    ----------
    weights
        Pairs of a feature and a label that have a weight.
    dropped
        Weights that were given up for want of memory, in all.
    """

    weights: int
    dropped: int


class SparseLogisticRegression(PriorBased):
    """Binary relevance by AdaGrad on a vector's sparse part: a weight for each word with each label.

    Only pairs of a feature and a label that were once in doubt together have a weight, so memory grows with
    what the stream has taught, not with dimensions times labels. The logit starts from the label's running
    frequency. One threshold for all labels is tuned online for micro-F1. A vector without one serves
    as its own sparse part, scaled to length 1.

    Parameters
    ----------
    rate
        AdaGrad's step size, in (0, inf): about how far one message moves a new weight. Meant for vectors of
        length 1. Too small learns rare labels slowly, too large lets single messages decide.
    max_size
        Memory of the weights in MiB, above 0, in addition to 12 bytes per feature: the default 64 has places
        for 5.6 million pairs. When it is used up, the pairs with the smallest weights are dropped. If too
        small, rare words are forgotten, and a message takes longer. Compaction needs twice the memory.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Attributes
    ----------
    dropped
        Weights dropped so far.

    Examples
    --------
    >>> learner = SparseLogisticRegression()
    >>> for n in range(20):
    ...     windy = n % 2 == 0
    ...     learner.learn_one({"wind": float(windy), "sun": float(not windy)}, {"storm": windy})
    >>> learner.predict_one({"wind": 1.0}), learner.predict_one({"sun": 1.0})
    ({'storm': True}, {'storm': False})

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 2011. Langford, Li and Zhang, "Sparse online learning via truncated gradient", JMLR 2009: dropping
    small weights.
    """

    state_fields = fields(Arrays("_rows", "_intercept"), Values("_used", "dropped"), Parts("_threshold"))

    def __init__(self, rate: float = 1.0, max_size: float = 64.0, max_labels: int = MAX_LABELS) -> None:
        check_number(self, "rate", rate, float, 0, open_low=True)
        check_number(self, "max_size", max_size, float, 0, open_low=True)
        self.rate = rate
        self.max_size = max_size
        super().__init__(max_labels=max_labels)
        self._threshold = MicroF1Threshold()
        # One row per feature, and the rows' entries; a row that outgrows its places moves to the end.
        self._rows: Ints = np.zeros((0, 3), dtype=np.int32)
        self._entries: Entries = np.zeros(0, dtype=ENTRY)
        self._used = self.dropped = 0
        self._filled: Ids | None = None  # Rows with entries, for many new labels; None after each update.
        # Weights and sums of squared gradients.
        self._intercept: Vector = np.zeros((2, 0), dtype=np.float32)

    def score(self, x: Vector, labels: Ids | None = None) -> Vector:
        """Return one probability per label, shape (n,): of some (ids), or of all where None, the default."""
        logits = self._priors.logits().copy()
        _add_logits(*sparse_part(x), self._rows, self._entries, self._intercept, logits)
        return sigmoid(logits if labels is None else logits[labels])

    def predict(self, x: Vector) -> Prediction:
        """Return the labels whose probability reaches the threshold, and all probabilities."""
        scores = self.score(x)
        return Prediction(np.flatnonzero(scores >= self._threshold.value), scores)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one step for each label with an error above the tolerance, and tune the threshold."""
        scores = self.score(x)
        if targets.complete:
            self._threshold.learn(scores, targets.positive, len(targets.positive))
        self.update(x, scores, targets)

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """Learn all but the threshold from the scores that `score` gave for the same vector, shape (L,)."""
        self._count(x)
        self._filled = None
        part, error = sparse_part(x), errors(scores, targets)
        self._rows = grown(self._rows, int(part.indices.max(initial=-1)) + 1)
        self._intercept = grown(self._intercept, 2, len(error))
        _step_intercept(self._intercept, error, np.float32(self.rate * INTERCEPT))
        error[np.abs(error) < TOLERANCE] = 0.0
        done, rate = 0, np.float32(self.rate)
        while done < len(part.indices):
            done, self._used = _step(*part, done, error, rate, self._rows, self._entries, self._used)
            if done < len(part.indices):
                self._make_room(len(error))
        self._learn_priors(x, targets)

    def _make_room(self, labels: int) -> None:
        """Compact the rows, into more memory or, when it is used up, without the smallest weights."""
        most = max(int(self.max_size * 2**20) // ENTRY.itemsize, LEAST_ROWS * labels)
        size = min(most, max(2 * len(self._entries), LEAST_ROWS * labels))
        weights = np.abs(self._entries["weight"][_in_use(self._rows, len(self._entries))])
        kept = int(KEPT * most) if size == len(self._entries) else len(weights)
        # Equal weights are dropped together: otherwise there might be no room.
        bound = np.partition(weights, -kept - 1)[-kept - 1] if len(weights) > kept else np.float32(-1.0)
        fresh = np.zeros(size, dtype=ENTRY)
        self._used = _compact(self._rows, self._entries, bound, fresh)
        self._entries = fresh
        self.dropped += len(weights) - int(self._rows[:, SIZE].sum())

    def statistics(self) -> SparseStatistics:
        """Return the frozen statistics; see `SparseStatistics`."""
        figures, weights = dataclasses.asdict(super().statistics()), int(self._rows[:, SIZE].sum())
        return SparseStatistics(**figures, weights=weights, dropped=self.dropped)

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`; the weights are the parent's."""
        super().inherit(label, parent, prior)
        self._intercept = grown(self._intercept, 2, len(self.label_space))
        self._intercept[0, label] = self._intercept[0, parent]
        if self._filled is None:
            self._filled = np.flatnonzero(self._rows[:, SIZE])
        where, done = (self._filled, self._rows), 0
        while done < len(self._filled):
            done, self._used = _copy_weights(parent, label, done, *where, self._entries, self._used)
            if done < len(self._filled):
                self._make_room(len(self.label_space))

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._intercept[:, labels[labels < self._intercept.shape[1]]] = 0.0
        # As new: weights of 0 are the first to be dropped.
        gone = np.flatnonzero(np.isin(self._entries["label"][: self._used], labels))
        self._entries["weight"][gone] = self._entries["square"][gone] = 0.0

    def state(self) -> State:
        """See `Learner.state`."""
        labels, rows = len(self.label_space), int(np.flatnonzero(self._rows[:, ROOM]).max(initial=-1)) + 1
        return super().state() | {
            "rows": self._rows[:rows],
            "intercept": grown(self._intercept, 2, labels)[:, :labels],
            "capacity": len(self._entries),
            "entries": {name: self._entries[name][: self._used] for name in ENTRY.names or ()},
        }

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._filled = None
        self._entries = np.zeros(state["capacity"], dtype=ENTRY)
        for name in ENTRY.names or ():
            self._entries[name][: self._used] = state["entries"][name]


@compiled
def _add_logits(
    indices: Ints, values: Vector, rows: Ints, entries: Entries, intercept: Vector, logits: Vector
) -> None:
    """Add the contributions of the intercept and the features to the logits."""
    labels, weights = entries["label"], entries["weight"]
    for label in range(min(len(logits), intercept.shape[1])):
        logits[label] += intercept[0, label]
    for n in range(len(indices)):
        if indices[n] < len(rows):
            row = rows[indices[n]]
            for place in range(row[FIRST], row[FIRST] + row[SIZE]):
                logits[labels[place]] += values[n] * weights[place]


@compiled
def _step_intercept(intercept: Vector, error: Vector, rate: np.float32) -> None:
    for label in range(len(error)):
        intercept[1, label] += error[label] * error[label]
        intercept[0, label] -= rate * error[label] / np.sqrt(intercept[1, label] + EPSILON)


@compiled
def _step(
    indices: Ints,
    values: Vector,
    begin: int,
    error: Vector,
    rate: np.float32,
    rows: Ints,
    entries: Entries,
    used: int,
) -> tuple[int, int]:
    """Update the weights of the features from `begin` on, for the labels with an error.

    Returns where it ended, before the last feature if memory ran out, and the number of places in use.
    """
    doubted = np.flatnonzero(error)
    for n in range(begin, len(indices)):
        row = indices[n]
        # Room as if no label had an entry yet: counting those that have one would cost a second search.
        used, fits = _widen(rows, row, rows[row, SIZE] + len(doubted), entries, used)
        if not fits:
            return n, used
        for label in doubted:
            place = _entry_of(int(label), rows, row, entries)
            gradient = error[label] * values[n]
            entries[place].square += gradient * gradient
            entries[place].weight -= rate * gradient / np.sqrt(entries[place].square + EPSILON)
    return len(indices), used


@compiled
def _copy_weights(
    parent: int, label: int, begin: int, filled: Ids, rows: Ints, entries: Entries, used: int
) -> tuple[int, int]:
    """Copy the parent's weights of filled rows from `begin` on to a label; returns the same as `_step`."""
    for n in range(begin, len(filled)):
        row = filled[n]
        place = _first_not_below(parent, rows[row, FIRST], rows[row, SIZE], entries)
        if place < rows[row, FIRST] + rows[row, SIZE] and entries[place].label == parent:
            weight = entries[place].weight
            used, fits = _widen(rows, row, rows[row, SIZE] + 1, entries, used)
            if not fits:
                return n, used
            entries[_entry_of(label, rows, row, entries)].weight = weight
    return len(filled), used


@compiled
def _first_not_below(label: int, place: int, size: int, entries: Entries) -> int:
    """Return the place of a label's entry in a row, or where it belongs: entries ascend by label."""
    while size > 0:
        half = size // 2
        if entries[place + half].label < label:
            place += half + 1
            size -= half + 1
        else:
            size = half
    return place


@compiled
def _entry_of(label: int, rows: Ints, row: int, entries: Entries) -> int:
    """Return the place of a label's entry, inserting it if there is none, in a row that has room for it."""
    end = rows[row, FIRST] + rows[row, SIZE]
    place = _first_not_below(label, rows[row, FIRST], rows[row, SIZE], entries)
    if place == end or entries[place].label != label:
        for later in range(end, place, -1):
            _move(entries, later - 1, entries, later)
        entries[place].label = label
        entries[place].weight = entries[place].square = np.float32(0.0)
        rows[row, SIZE] += 1
    return place


@compiled
def _move(entries: Entries, place: int, others: Entries, to: int) -> None:
    others[to].label = entries[place].label
    others[to].weight = entries[place].weight
    others[to].square = entries[place].square


@compiled
def _widen(rows: Ints, row: int, size: int, entries: Entries, used: int) -> tuple[int, bool]:
    """Give a row room for `size` entries, moving it if needed; return the places in use, and success."""
    if size <= rows[row, ROOM]:
        return used, True
    room = _room(size)
    if used + room > len(entries):
        return used, False
    for n in range(rows[row, SIZE]):
        _move(entries, rows[row, FIRST] + n, entries, used + n)
    rows[row, FIRST], rows[row, ROOM] = used, room
    return used + room, True


@compiled
def _in_use(rows: Ints, places: int) -> Mask:
    """Return which places hold an entry of a row."""
    in_use = np.zeros(places, dtype=np.bool_)
    for n in range(len(rows)):
        in_use[rows[n, FIRST] : rows[n, FIRST] + rows[n, SIZE]] = True
    return in_use


@compiled
def _compact(rows: Ints, entries: Entries, bound: np.float32, fresh: Entries) -> int:
    """Copy the rows, without weights up to `bound`, into `fresh`; return the places in use."""
    used = 0
    for row in range(len(rows)):
        first, size = rows[row, FIRST], rows[row, SIZE]
        rows[row] = 0
        rows[row, FIRST] = used
        for place in range(first, first + size):
            if abs(entries[place].weight) > bound:
                _move(entries, place, fresh, used + rows[row, SIZE])
                rows[row, SIZE] += 1
        rows[row, ROOM] = _room(rows[row, SIZE])
        used += rows[row, ROOM]
    return used


@compiled
def _room(size: int) -> int:
    """Return the number of places of a row of a size: most rows stay short."""
    return size + size // 2
