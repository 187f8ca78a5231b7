"""How often labels occur, alone and together: sparse counts, decayed label by label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from drift.core import Counts, Floats, Ids, State, compiled
from learners.cluster.adjacency import (
    CLASSES,
    LABEL,
    MESSAGES,
    PARTNERS,
    PLACE,
    TOP,
    USED,
    Records,
    meet,
    needed,
)
from learners.cluster.similarity import DOUBT, among, counts, frequencies, frequency, samples
from learners.core import check_number

RESCALE = 1e6
"""Weight of a label's newest touch at which its row is brought down again."""
NEGLIGIBLE = 1e-3
"""Touches below which a partner is forgotten then."""
SLACK = 0.25
"""Standard deviations by which companions may be less expected than usual without a change: Page's slack."""
DELTA = 1e-3
"""Chance that a label ever forgets its companions though they stay what they are."""
KEPT_TOUCHES = 10.0
"""Touches that a label keeps of what it knew when its companions have changed."""
STEP = 1 << 16
"""Places (half a MiB) that memory grows by."""


class Cooccurrence:
    """Decayed counts of labels and of the pairs that did occur: O(k) cache lines a label, whatever L.

    Each label has a row of the labels it met. A row decays with each message *that touches its label*: what
    is known about a rare label fades no sooner, in evidence, than what is known about a frequent one, and
    after a regrouping both forget the old partners within as many touches. A clock of messages would keep
    a label of one message in a thousand at a few dozen effective occurrences for ever.

    A row holds its 128 heaviest partners, as a cache does: within a line of eight the weakest makes room.
    Memory is thus O(L), and grows in small steps in place: no message waits for a table to be rebuilt.

    Of a message with more than 33 labels, each counts 32 partners, each (k - 1) / 32 times. Which ones
    rotates with the messages, so that every pair has the same chance: estimates keep their expectation,
    and get noisier by about the square root of (k - 1) / 32.

    Parameters
    ----------
    half_life
        Touches of a label after which what it met counts half, at least 1. Short ones follow a regrouping
        sooner, and see chance meetings as structure.

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
    2005: heavy partners survive in bounded memory.
    """

    def __init__(self, half_life: float = 1000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        self._growth = 2.0 ** (1.0 / half_life)
        self._labels: Records = np.zeros(0, dtype=LABEL)
        self._places: Records = np.zeros(STEP, dtype=PLACE)
        self._book = np.array([0, 0, 0, *[-1] * CLASSES], dtype=np.int64)

    def __len__(self) -> int:
        """Return how many labels there is room for."""
        return len(self._labels)

    @property
    def pairs(self) -> int:
        """How many pairs are remembered; one that only one of its labels remembers is half a pair."""
        return int(self._book[USED]) // 2

    @property
    def messages(self) -> int:
        """How many messages were counted, those without labels as well."""
        return int(self._book[MESSAGES])

    @property
    def tables(self) -> tuple[Records, Records, Counts]:
        """The tables for compiled code to read; they do not outlive the next `add`."""
        return self._labels, self._places, self._book

    def add(self, labels: list[int] | Ids) -> None:
        """Count one message's labels (ids, each once); a message without any tells how rare they all are."""
        ids = np.asarray(labels, dtype=np.intp)
        if len(ids) == 0:
            self._book[MESSAGES] += 1
            return
        while not _count(self._labels, self._places, self._book, ids, self._growth):
            self.reserve(int(ids.max()) + 1)
            self._widen(ids)

    def reserve(self, labels: int) -> None:
        """Make room for so many labels."""
        # In place: the system moves pages, not bytes; a copy of many MiB would stall the message.
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
        """Return the labels that a label is known to have met, ascending."""
        if label >= len(self._labels):
            return []
        start, room = (int(self._labels[field][label]) for field in ("start", "room"))
        held = self._places["partner"][start : start + room]
        partners: list[int] = (np.sort(held[held > 0]) - 1).tolist()
        return partners

    def among(self, group: list[int] | Ids) -> Floats:
        """Return the Jaccard similarities beyond chance within a group of labels, shape (m, m); 0 to itself.

        0 stands for labels that meet as often as at random, less for those that avoid each other. Frequent
        labels meet often whatever they mean; taking the Jaccard of two independent labels of the same
        frequencies off (and scaling so that 1 stays 1) makes dense and sparse labels comparable.
        """
        return among(*self.tables, np.asarray(group, dtype=np.intp))

    def samples(self, labels: list[int] | Ids) -> Floats:
        """Return how many messages, all of one weight, would tell as much as is known about each label.

        Of n messages with weights that decay to nothing, twice their sum: the old tell something still. Of
        messages too large to count, the part that was counted.
        """
        return samples(self._labels, np.asarray(labels, dtype=np.intp), self._growth)

    def state(self) -> State:
        """Return the counts; see `Learner.state`."""
        return {
            "labels": {field: self._labels[field].copy() for field in LABEL.names or ()},
            "places": {field: self._places[field][: self._book[TOP]].copy() for field in PLACE.names or ()},
            "book": self._book.copy(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
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
    # A row at most doubles once in a message for each label it meets, up to its widest.
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
        # Its first message: chance is counted from here on.
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
    """Return how much oftener a label meets a companion than by chance; 0 where that may be chance."""
    excess = share - frequency(labels, other, now)
    known = labels["touches"][label] / labels["weight"][label]
    return excess if excess > DOUBT * math.sqrt(share / known) else 0.0


@compiled
def _wonder(labels: Records, places: Records, label: int, expected: float, now: int) -> None:
    """Compare how expected a label's companions were with what is usual; forget when they are others.

    The test is Page's: a sum of shortfalls that starts again at 0. What a label knew then counts as
    `KEPT_TOUCHES` touches, so within as many messages its new companions outweigh the old.
    """
    usual, spread = labels["usual"][label], labels["spread"][label]
    if spread > 0.0:
        # A single message is no alarm, however odd.
        unit = max(math.sqrt(spread), usual / 10.0)
        shortfall = min((usual - expected) / unit, 3.0) - SLACK
        labels["surprise"][label] = max(0.0, labels["surprise"][label] + shortfall)
    known = labels["touches"][label] / labels["weight"][label]
    share_of_new = 1.0 / max(known, 1.0)
    labels["usual"][label] = usual + share_of_new * (expected - usual)
    labels["spread"][label] = (1.0 - share_of_new) * (spread + share_of_new * (expected - usual) ** 2)
    # A sum of normal values comes as far by chance once in exp(2 SLACK sum) messages. What is allowed of that
    # falls with the square of the messages: over all time it adds up to about DELTA.
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
