"""The label-sets of a window of messages, in which rare labels stay, for one learner or several."""

from __future__ import annotations

import numpy as np

from drift.core import Floats, Ids, State, Vector, compiled, grown
from learners.core import Targets, packed, unpacked
from learners.memory import Slots

COMPLETE = -1
"""Number of negatives that means complete labels: all others are negative."""
NOTHING: Ids = np.zeros(0, dtype=np.intp)


class Window:
    """What the messages of a window said, each in a row.

    Parameters
    ----------
    capacity, enough
        Messages kept, and when a label's messages stay; see `Slots`.
    """

    def __init__(self, capacity: int, enough: int) -> None:
        self.capacity = capacity
        self.enough = enough
        self._slots = Slots(capacity, enough)
        # Each message's positives, then its known negatives (their number is COMPLETE for all others).
        self._labels: Ids = np.zeros((capacity, 8), dtype=np.intp)
        self._positives: Ids = np.zeros(capacity, dtype=np.intp)
        self._negatives: Ids = np.zeros(capacity, dtype=np.intp)
        self.row = -1
        """Row of the last message."""

    def add(self, targets: Targets) -> None:
        """Replace a message by this one."""
        self.row = self._slots.place(targets.positive)
        self._note(self.row, targets)

    def _note(self, row: int, targets: Targets) -> None:
        positive, negative = targets
        complete = negative is None
        if negative is None:
            negative = NOTHING
        if len(positive) + len(negative) > self._labels.shape[1]:
            self._labels = grown(self._labels, self.capacity, len(positive) + len(negative))
        _note(row, positive, negative, complete, *self.tables)

    def messages(self, rows: Ids) -> Ids:
        """Return which message is in each of some rows, counting from 0."""
        messages: Ids = self._slots.numbers[rows] - 1
        return messages

    def sets(self, rows: Ids) -> tuple[Ids, Ids]:
        """Return the positives of some rows, concatenated, and how many each has."""
        sizes = np.empty(len(rows), dtype=np.intp)
        return sets(rows, self._labels, self._positives, sizes), sizes

    @property
    def tables(self) -> tuple[Ids, Ids, Ids]:
        """The labels of all rows, how many of each are positive, and how many negative; for `vote`."""
        return self._labels, self._positives, self._negatives

    def weigh(self, rows: Ids, weights: Floats) -> None:
        """Weigh rows as messages of the present stream; see `Slots.weigh`."""
        self._slots.weigh(rows, weights)

    def vote(self, rows: Ids, weights: Floats, labels: int, wanted: Ids | None = None) -> Vector:
        """Return the weighted share of rows with each label, where it is known.

        Of `wanted` labels (ids, ascending), or of all where None, the default: shape (labels,).
        """
        share = np.empty(labels if wanted is None else len(wanted), dtype=np.float32)
        vote(weights, rows, *self.tables, wanted, share)
        return share

    def forget(self, labels: Ids) -> None:
        """Strike out labels that leave."""
        _strike(labels, self._labels, self._positives, self._negatives)
        self._slots.forget(labels)

    def state(self) -> State:
        """Return what the messages said, and which they are."""
        numbers = self._slots.numbers
        return {"numbers": numbers, **packed([self._said(row) for row in range(len(numbers))])}

    def _said(self, row: int) -> Targets:
        labels, yes, no = self._labels[row], self._positives[row], self._negatives[row]
        return Targets(labels[:yes], None if no == COMPLETE else labels[yes : yes + no])

    def load_state(self, state: State, messages: int) -> None:
        """Take over what `state` returned after so many messages."""
        targets = unpacked(state)
        for row, said in enumerate(targets):
            self._note(row, said)
        self._slots.restore(state["numbers"], [said.positive for said in targets], messages)


@compiled
def _note(
    row: int, positive: Ids, negative: Ids, complete: bool, labels: Ids, positives: Ids, negatives: Ids
) -> None:
    for place in range(len(positive)):
        labels[row, place] = positive[place]
    for place in range(len(negative)):
        labels[row, len(positive) + place] = negative[place]
    positives[row] = len(positive)
    negatives[row] = COMPLETE if complete else len(negative)


@compiled
def _strike(gone: Ids, labels: Ids, positives: Ids, negatives: Ids) -> None:
    """Remove some labels, ascending, from the positives and negatives of all messages."""
    leaves = np.zeros(gone[-1] + 1, dtype=np.bool_)
    leaves[gone] = True
    for row in range(len(labels)):
        yes, kept, said = positives[row], 0, positives[row] + max(negatives[row], 0)
        for place in range(said):
            label = labels[row, place]
            if label >= len(leaves) or not leaves[label]:
                labels[row, kept] = label
                kept += 1
            elif place < yes:
                positives[row] -= 1
            else:
                negatives[row] -= 1


@compiled
def sets(rows: Ids, labels: Ids, positives: Ids, sizes: Ids) -> Ids:
    """Return the positives of some rows, concatenated, and fill in how many each has."""
    total = 0
    for place in range(len(rows)):
        sizes[place] = positives[rows[place]]
        total += sizes[place]
    ids, first = np.empty(total, dtype=np.intp), 0
    for place in range(len(rows)):
        for i in range(sizes[place]):
            ids[first + i] = labels[rows[place], i]
        first += sizes[place]
    return ids


@compiled
def vote(
    weights: Floats,
    rows: Ids,
    labels: Ids,
    positives: Ids,
    negatives: Ids,
    wanted: Ids | None,
    share: Vector,
) -> None:
    """Fill in the weighted share of rows where each label is positive, among those where it is known."""
    yes, known = np.zeros(len(share)), np.zeros(len(share))
    everything = True
    for place in range(len(rows)):
        row, weight = rows[place], weights[place]
        complete = negatives[row] == COMPLETE
        everything = everything and complete
        _add(weight, labels[row, : positives[row]], wanted, yes)
        if complete:
            known += weight
        else:
            _add(weight, labels[row, : positives[row] + negatives[row]], wanted, known)
    for label in range(len(share)):
        if everything:
            share[label] = min(yes[label], 1.0)
        else:
            share[label] = min(yes[label] / known[label], 1.0) if known[label] > 0.0 else 0.0


@compiled
def _add(weight: float, labels: Ids, wanted: Ids | None, sums: Floats) -> None:
    """Add a weight to the sums of some labels, as far as these are wanted."""
    for label in labels:
        if wanted is None:
            sums[label] += weight
        else:
            place = np.searchsorted(wanted, label)
            if place < len(wanted) and wanted[place] == label:
                sums[place] += weight
