"""Co-occurrence counts of labels: sparse, and decayed per label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drift.core import Counts, Floats, Ids, Parametrised, State, check_number, compiled
from learners.cluster.adjacency import (
    CLASSES,
    LABEL,
    MESSAGES,
    PARTNERS,
    PLACE,
    TOP,
    USED,
    Records,
    label_ids,
    meet,
    needed,
    strike,
)
from learners.cluster.similarity import DOUBT, among, counts, frequencies, frequency, samples

RESCALE = 1e6
"""Weight of a label's latest occurrence at which all weights of its row are scaled back."""
NEGLIGIBLE = 1e-3
"""Weight, in occurrences, below which such a rescaling drops a partner."""
SLACK = 0.25
"""Slack of Page's test, in standard deviations: smaller shortfalls are not evidence of a change."""
DELTA = 1e-3
"""Probability that a label ever drops its counts although its companions have not changed."""
KEPT_TOUCHES = 10.0
"""Occurrences to which a label's counts are scaled down when its companions have changed."""
STEP = 1 << 16
"""Places by which memory grows at a time: half a MiB."""


class Cooccurrence(Parametrised):
    """Decayed counts of labels and of the pairs that co-occur: O(k) cache lines per label, whatever L.

    Each label has a row of its partners. A row decays with each message *that carries its label*: the
    evidence about a rare label decays no faster than that about a frequent one, and after a regrouping both
    forget their old partners within as many occurrences. With a decay per message, a label of one message in
    a thousand would never exceed a few dozen effective occurrences.

    A row holds its 128 heaviest partners, as a set-associative cache does: within a line of eight, a new
    partner evicts the lightest. Memory is thus O(L), and grows in place: no message waits for a copy.

    Of a message with more than 33 labels, each label counts 32 partners, each (k - 1) / 32 times. The choice
    rotates with the messages, so that every pair has the same probability: estimates stay unbiased, and their
    standard deviation grows by about the square root of (k - 1) / 32.

    Parameters
    ----------
    half_life
        Occurrences of a label after which its counts halve, at least 1. Short ones follow a regrouping
        sooner, and take random co-occurrences for structure.

    Examples
    --------
    >>> counts = Cooccurrence(half_life=1e9)
    >>> for labels in ([0, 1], [0, 1], [0, 2]):
    ...     counts.add(labels)
    >>> round(counts.count(0), 6), counts.partners(0)
    (3.0, [1, 2])

    References
    ----------
    Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data streams",
    2005: heavy partners are kept in bounded memory.
    """

    def __init__(self, half_life: float = 1000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        self._growth = 2.0 ** (1.0 / half_life)
        self._labels: Records = np.zeros(0, dtype=LABEL)
        self._places: Records = np.zeros(STEP, dtype=PLACE)
        self._book = np.array([0, 0, 0, *[-1] * CLASSES], dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of labels that there is room for."""
        return len(self._labels)

    @property
    def pairs(self) -> int:
        """Number of pairs remembered; a pair that only one of its labels remembers counts half."""
        return int(self._book[USED]) // 2

    @property
    def messages(self) -> int:
        """Number of messages counted, including those without labels."""
        return int(self._book[MESSAGES])

    @property
    def tables(self) -> tuple[Records, Records, Counts]:
        """The tables for compiled code to read; invalid after the next `add`."""
        return self._labels, self._places, self._book

    def add(self, labels: list[int] | Ids) -> None:
        """Count one message's labels (ids); a message without labels lowers all frequencies."""
        ids = label_ids(labels)
        if len(ids) == 0:
            self._book[MESSAGES] += 1
            return
        while not _count(self._labels, self._places, self._book, ids, self._growth):
            self.reserve(int(ids.max()) + 1)
            self._widen(ids)

    def forget(self, labels: Ids) -> None:
        """Forget labels, and all pairs with them; see `Learner.forget`."""
        if len(labels):
            strike(*self.tables, label_ids(labels))

    def reserve(self, labels: int) -> None:
        """Make room for `labels` labels."""
        # In place: the operating system moves pages; a copy of many MiB would delay the message.
        have = len(self._labels)
        if labels > have:
            self._labels.resize(max(labels, have + have // 8 + 64), refcheck=False)

    def _widen(self, ids: Ids) -> None:
        need = int(self._book[TOP]) + needed(self._labels, ids)
        if need > len(self._places):
            self._places.resize((need // STEP + 1) * STEP, refcheck=False)

    def count(self, label: int) -> float:
        """Return the decayed number of messages with a label."""
        return float(self.counts([label])[0])

    def counts(self, labels: list[int] | Ids) -> Floats:
        """Return the decayed number of messages with each of some labels."""
        return counts(self._labels, np.asarray(labels, dtype=np.intp))

    def frequencies(self, labels: list[int] | Ids) -> Floats:
        """Return the share of all messages that carry each of some labels."""
        return frequencies(self._labels, np.asarray(labels, dtype=np.intp), self.messages)

    def partners(self, label: int) -> list[int]:
        """Return the labels that a label is known to have co-occurred with, ascending."""
        if label >= len(self._labels):
            return []
        start, room = (int(self._labels[field][label]) for field in ("start", "room"))
        held = self._places["partner"][start : start + room]
        partners: list[int] = (np.sort(held[held > 0]) - 1).tolist()
        return partners

    def among(self, group: list[int] | Ids) -> Floats:
        """Return the Jaccard similarities beyond chance within a group of labels, shape (m, m); diagonal 0.

        0 stands for labels that co-occur as often as independent ones, less for labels that avoid each other.
        Frequent labels co-occur often by chance; subtracting the Jaccard index of independent labels of the
        same frequencies (and rescaling so that 1 stays 1) makes dense and sparse labels comparable.
        """
        return among(*self.tables, np.asarray(group, dtype=np.intp))

    def samples(self, labels: list[int] | Ids) -> Floats:
        """Return the effective sample size of each label: so many messages of equal weight tell as much.

        For n messages whose weights decay to nothing it is twice the sum of the weights. Of messages too
        large to be counted in full, it includes the part that was counted.
        """
        return samples(self._labels, np.asarray(labels, dtype=np.intp), self._growth)

    def state(self) -> State:
        """Return the counts; see `Learner.state`."""
        return super().state() | {
            "labels": {field: self._labels[field].copy() for field in LABEL.names or ()},
            "places": {field: self._places[field][: self._book[TOP]].copy() for field in PLACE.names or ()},
            "book": self._book.copy(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._labels = _restored(state["labels"], LABEL, 0)
        self._places = _restored(state["places"], PLACE, STEP)
        self._book = np.array(state["book"], dtype=np.int64)


def _restored(fields: State, dtype: np.dtype[Any], least: int) -> Records:
    names = dtype.names or ()
    size = len(fields[names[0]])
    table = np.zeros(max(least, size), dtype=dtype)
    for name in names:
        table[name][:size] = fields[name]
    return table


@compiled
def _count(labels: Records, places: Records, book: Counts, ids: Ids, growth: float) -> bool:
    """Count one message; return False, with nothing changed, where a table is too small for it."""
    k = len(ids)
    # A row doubles at most once per partner that a message counts, up to its maximum.
    if ids.max() >= len(labels) or book[TOP] + needed(labels, ids) > len(places):
        return False
    book[MESSAGES] += 1
    partners = min(k - 1, PARTNERS)
    heard = partners / (k - 1) if k > 1 else 1.0
    for label in ids:
        _touch(labels, places, book, label, growth)
        labels["heard"][label] += labels["weight"][label] * heard
    if partners == 0:
        return True
    for position in range(k):
        label, expected = ids[position], 0.0
        for n in range(partners):
            offset = 1 + (book[MESSAGES] * partners + n) % (k - 1)
            other = ids[(position + offset) % k]
            before = meet(labels, places, book, label, other, (k - 1) / partners)
            if before > 0.0:
                expected += _beyond_doubt(labels, label, other, before, book[MESSAGES])
        _wonder(labels, places, label, expected / partners, book[MESSAGES])
    return True


@compiled
def _touch(labels: Records, places: Records, book: Counts, label: int, growth: float) -> None:
    now = book[MESSAGES]
    if labels["weight"][label] == 0.0:
        # The label's first message: its frequency is measured from here on.
        labels["weight"][label] = 1.0
        labels["last"][label] = now - 1
    elif labels["weight"][label] > RESCALE:
        _rescale(labels, places, book, label)
    weight = labels["weight"][label] * growth
    labels["weight"][label] = weight
    labels["touches"][label] += weight
    labels["span"][label] += weight * (now - labels["last"][label])
    labels["last"][label] = now


@compiled
def _rescale(labels: Records, places: Records, book: Counts, label: int) -> None:
    scale = 1.0 / labels["weight"][label]
    labels["weight"][label] = 1.0
    labels["touches"][label] *= scale
    labels["heard"][label] *= scale
    labels["span"][label] *= scale
    start = labels["start"][label]
    for place in range(start, start + labels["room"][label]):
        if places["partner"][place] > 0:
            weight = np.float64(places["weight"][place]) * scale
            places["weight"][place] = weight
            if weight < NEGLIGIBLE:
                places["partner"][place] = 0
                book[USED] -= 1


@compiled
def _beyond_doubt(labels: Records, label: int, other: int, share: float, now: int) -> float:
    """Return the excess of a companion's share over its frequency; 0 where it is not significant."""
    excess = share - frequency(labels, other, now)
    known = labels["touches"][label] / labels["weight"][label]
    return excess if excess > DOUBT * math.sqrt(share / known) else 0.0


@compiled
def _wonder(labels: Records, places: Records, label: int, expected: float, now: int) -> None:
    """Compare how expected a label's companions were with the usual level; on a change, discount its counts.

    The test is Page's: a cumulative sum of shortfalls, reset at 0. After a change the counts are scaled down
    to `KEPT_TOUCHES` occurrences, so within as many messages the new companions outweigh the old.
    """
    usual, spread = labels["usual"][label], labels["spread"][label]
    if spread > 0.0:
        # A minimum deviation and a capped shortfall: no single message raises an alarm.
        unit = max(math.sqrt(spread), usual / 10.0)
        shortfall = min((usual - expected) / unit, 3.0) - SLACK
        labels["surprise"][label] = max(0.0, labels["surprise"][label] + shortfall)
    known = labels["touches"][label] / labels["weight"][label]
    share_of_new = 1.0 / max(known, 1.0)
    labels["usual"][label] = usual + share_of_new * (expected - usual)
    labels["spread"][label] = (1.0 - share_of_new) * (spread + share_of_new * (expected - usual) ** 2)
    # By chance a sum of normal values gets this far once in exp(2 SLACK sum) messages. The accepted
    # probability falls with the square of the messages, so over all time it adds up to about DELTA.
    sum_of_shortfalls = labels["surprise"][label]
    if sum_of_shortfalls <= 0.0 or 2.0 * SLACK * sum_of_shortfalls < 2.0 * math.log(now) - math.log(DELTA):
        return
    labels["usual"][label] = labels["spread"][label] = labels["surprise"][label] = 0.0
    labels["changed"][label] = 1
    if known > KEPT_TOUCHES:
        scale = KEPT_TOUCHES / known
        labels["touches"][label] *= scale
        labels["heard"][label] *= scale
        labels["span"][label] *= scale
        start = labels["start"][label]
        for place in range(start, start + labels["room"][label]):
            places["weight"][place] *= scale
