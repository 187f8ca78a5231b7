"""How often labels occur, alone and together: sparse counts, decayed label by label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.base import State
from learners.compiled import compiled
from learners.labels import Ids
from learners.parameters import check_number

PARTNERS = 32
"""Most partners that a label counts in one message."""
LINE = 8
"""Places that one look at memory brings: partners are looked for within one line of their label's row."""
WIDEST = 128
"""Most partners remembered per label: twice the largest cluster and more."""
RESCALE = 1e6
"""Weight of a label's newest touch at which its row is brought down again."""
NEGLIGIBLE = 1e-3
"""Touches below which a partner is forgotten then."""

LABEL = np.dtype(
    [
        ("touches", "f8"),
        ("weight", "f8"),
        ("span", "f8"),
        ("usual", "f8"),
        ("spread", "f8"),
        ("surprise", "f8"),
        ("last", "i8"),
        ("start", "i8"),
        ("room", "i8"),
    ]
)
SLACK = 0.25
"""Standard deviations by which companions may be less expected than usual, and nobody wonders."""
ALARM = 25.0
"""Sum of standard deviations at which a label forgets its old companions: some 30 touches, if all changed."""
FRESH = 10.0
"""Touches that are left of what a label knew then."""

PLACE = np.dtype([("partner", "i4"), ("weight", "f4")])
MESSAGES, TOP, USED, FREE = 0, 1, 2, 3
CLASSES = 5
"""Sizes a row can have: 8, 16, 32, 64, 128 places."""
STEP = 1 << 16
"""Places (half a MiB) that memory grows by."""

Table = NDArray[Any]


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
    >>> round(counts.count(0), 6), round(counts.conditional(0, 1), 3), round(counts.conditional(1, 0), 3)
    (3.0, 0.667, 1.0)

    References
    ----------
    Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data streams",
    2005: heavy partners survive in bounded memory.
    """

    def __init__(self, half_life: float = 1000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        self._growth = 2.0 ** (1.0 / half_life)
        self._labels: Table = np.zeros(0, dtype=LABEL)
        self._places: Table = np.zeros(STEP, dtype=PLACE)
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
        """How many messages, those with any label, were counted."""
        return int(self._book[MESSAGES])

    @property
    def tables(self) -> tuple[Table, Table, NDArray[np.int64]]:
        """The tables for compiled code to read; they do not outlive the next `add`."""
        return self._labels, self._places, self._book

    def add(self, labels: list[int] | Ids) -> None:
        """Count one message's labels (ids, each once); a message without labels says nothing here."""
        ids = np.asarray(labels, dtype=np.intp)
        if len(ids) == 0:
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
        need = int(self._book[TOP]) + _needed(self._labels, ids)
        if need > len(self._places):
            self._places.resize((need // STEP + 1) * STEP, refcheck=False)

    def count(self, label: int) -> float:
        """Return the decayed number of messages with a label."""
        return float(self.counts([label])[0])

    def counts(self, labels: list[int] | Ids) -> NDArray[np.float64]:
        """Return the decayed number of messages with each of some labels."""
        return _counts(self._labels, np.asarray(labels, dtype=np.intp))

    def frequencies(self, labels: list[int] | Ids) -> NDArray[np.float64]:
        """Return the share of messages, those with any label, that carry each of some labels."""
        return _frequencies(self._labels, np.asarray(labels, dtype=np.intp), self.messages)

    def conditional(self, label: int, other: int) -> float:
        """Return the share of a label's messages that carry another, too."""
        if label >= len(self._labels):
            return 0.0
        return share(self._labels, self._places, label, other)

    def partners(self, label: int) -> list[int]:
        """Return the labels that a label is known to have met, ascending."""
        if label >= len(self._labels):
            return []
        start, room = (int(self._labels[field][label]) for field in ("start", "room"))
        held = self._places["partner"][start : start + room]
        partners: list[int] = (np.sort(held[held > 0]) - 1).tolist()
        return partners

    def similarities(self, rows: list[int] | Ids, columns: list[int] | Ids) -> NDArray[np.float64]:
        """Return the Jaccard similarities beyond chance of two groups of labels, shape (rows, columns).

        0 stands for labels that meet no oftener than at random. Frequent labels meet often whatever they
        mean; taking the Jaccard of two independent labels of the same frequencies off (and scaling so that
        1 stays 1) makes dense and sparse labels comparable.
        """
        one, other = np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp)
        return _similarities(*self.tables, one, other)

    def among(self, group: list[int] | Ids) -> NDArray[np.float64]:
        """Return the similarities within a group of labels, in half the time. Shape (m, m)."""
        return _among(*self.tables, np.asarray(group, dtype=np.intp))

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


def _restored(fields: State, dtype: np.dtype[Any], least: int) -> Table:
    names = dtype.names or ()
    size = len(fields[names[0]])
    table = np.zeros(max(least, size), dtype=dtype)
    for name in names:
        table[name][:size] = fields[name]
    return table


# Counting -------------------------------------------------------------------------------------------


@compiled
def _count(labels: Table, places: Table, book: NDArray[np.int64], ids: Ids, growth: float) -> bool:
    """Count one message; return False, with nothing changed, where a table is too small for it."""
    k = len(ids)
    # A row at most doubles once in a message for each label it meets, up to its widest.
    if ids.max() >= len(labels) or book[TOP] + _needed(labels, ids) > len(places):
        return False
    book[MESSAGES] += 1
    for label in ids:
        _touch(labels, places, book, label, growth)
    partners = min(k - 1, PARTNERS)
    if partners == 0:
        return True
    for position in range(k):
        label, expected = ids[position], 0.0
        for n in range(partners):
            offset = 1 + (book[MESSAGES] * partners + n) % (k - 1)
            other = ids[(position + offset) % k]
            expected += _meet(labels, places, book, label, other, (k - 1) / partners)
        _wonder(labels, places, label, expected / partners)
    return True


@compiled
def _needed(labels: Table, ids: Ids) -> int:
    """Return how many places a message could take: each row may double for each partner it meets."""
    partners = min(len(ids) - 1, PARTNERS)
    need = 0
    for label in ids:
        room = labels["room"][label] if label < len(labels) else 0
        for _ in range(partners):
            if room < WIDEST:
                room = max(LINE, 2 * room)
                need += room
    return need


@compiled
def _touch(labels: Table, places: Table, book: NDArray[np.int64], label: int, growth: float) -> None:
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
def _rescale(labels: Table, places: Table, book: NDArray[np.int64], label: int) -> None:
    scale = 1.0 / labels["weight"][label]
    labels["weight"][label] = 1.0
    labels["touches"][label] *= scale
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
def _line(start: int, room: int, partner: int) -> int:
    """Return the first of the eight places that a partner can have in a row."""
    return start + (((int(partner) * 0x9E3779B1) & 0xFFFFFFFF) >> 12) % (room // LINE) * LINE


@compiled
def _meet(
    labels: Table, places: Table, book: NDArray[np.int64], label: int, other: int, times: float
) -> float:
    """Count a partner in a label's row; return the weight it had, as a share of the label's touches.

    0 stands for an empty place, partner + 1 for a partner.
    """
    weight = labels["weight"][label] * times
    while True:
        start, room = labels["start"][label], labels["room"][label]
        if room > 0:
            line = _line(start, room, other)
            empty, weakest = -1, line
            for place in range(line, line + LINE):
                held = places["partner"][place]
                if held == other + 1:
                    known: float = places["weight"][place]
                    places["weight"][place] = known + weight
                    before: float = known / labels["touches"][label]
                    return before
                if held == 0:
                    if empty < 0:
                        empty = place
                elif places["weight"][place] < places["weight"][weakest]:
                    weakest = place
            if empty >= 0:
                book[USED] += 1
                weakest = empty
            if empty >= 0 or room == WIDEST:
                places["partner"][weakest] = other + 1
                places["weight"][weakest] = weight
                return 0.0
        _widen(labels, places, book, label)


@compiled
def _wonder(labels: Table, places: Table, label: int, expected: float) -> None:
    """Compare how expected a label's companions were with what is usual; forget when they are others.

    The test is Page's: a sum of shortfalls that starts again at 0. What a label knew counts `FRESH` touches
    then, so within as many messages its new companions outweigh the old.
    """
    usual, spread = labels["usual"][label], labels["spread"][label]
    if spread > 0.0:
        # A single message is no alarm, however odd.
        shortfall = min((usual - expected) / math.sqrt(spread), 3.0) - SLACK
        labels["surprise"][label] = max(0.0, labels["surprise"][label] + shortfall)
    known = labels["touches"][label] / labels["weight"][label]
    share_of_new = 1.0 / max(known, 1.0)
    labels["usual"][label] = usual + share_of_new * (expected - usual)
    labels["spread"][label] = (1.0 - share_of_new) * (spread + share_of_new * (expected - usual) ** 2)
    if labels["surprise"][label] < ALARM:
        return
    labels["usual"][label] = labels["spread"][label] = labels["surprise"][label] = 0.0
    if known > FRESH:
        scale = FRESH / known
        labels["touches"][label] *= scale
        labels["span"][label] *= scale
        start = labels["start"][label]
        for place in range(start, start + labels["room"][label]):
            places["weight"][place] *= scale


@compiled
def _widen(labels: Table, places: Table, book: NDArray[np.int64], label: int) -> None:
    """Move a row to one twice as wide: a line divides into two, so nothing is crowded out."""
    start, room = labels["start"][label], labels["room"][label]
    wider = max(LINE, 2 * room)
    new = _take(places, book, wider)
    for place in range(start, start + room):
        held = places["partner"][place]
        if held > 0:
            target = _line(new, wider, held - 1)
            while places["partner"][target] > 0:
                target += 1
            places["partner"][target] = held
            places["weight"][target] = places["weight"][place]
    if room > 0:
        free = FREE + _size_class(room)
        places["partner"][start] = book[free] + 1
        book[free] = start
    labels["start"][label], labels["room"][label] = new, wider


@compiled
def _take(places: Table, book: NDArray[np.int64], room: int) -> int:
    """Return an empty row: one given back, or the next unused places."""
    free = FREE + _size_class(room)
    row = book[free]
    if row < 0:
        book[TOP] += room
        return int(book[TOP] - room)
    book[free] = places["partner"][row] - 1
    for place in range(row, row + room):
        places["partner"][place] = 0
        places["weight"][place] = 0.0
    return int(row)


@compiled
def _size_class(room: int) -> int:
    size = 0
    while room > LINE:
        room //= 2
        size += 1
    return size


# Reading --------------------------------------------------------------------------------------------


@compiled
def touches(labels: Table, label: int) -> float:
    """Return the decayed number of messages with a label."""
    if label >= len(labels) or labels["weight"][label] == 0.0:
        return 0.0
    return float(labels["touches"][label] / labels["weight"][label])


@compiled
def share(labels: Table, places: Table, label: int, other: int) -> float:
    """Return the share of a label's messages that carry another, too."""
    if label >= len(labels) or labels["room"][label] == 0:
        return 0.0
    line = _line(labels["start"][label], labels["room"][label], other)
    for place in range(line, line + LINE):
        if places["partner"][place] == other + 1:
            part: float = places["weight"][place] / labels["touches"][label]
            return min(1.0, part)
    return 0.0


@compiled
def _frequency(labels: Table, label: int, now: int) -> float:
    """Return the share of all messages (those with any label) that carry a label."""
    if label >= len(labels) or labels["weight"][label] == 0.0:
        return 0.0
    silence = labels["weight"][label] * (now - labels["last"][label])
    return float(labels["touches"][label] / (labels["span"][label] + silence))


@compiled
def jaccard_by_chance(one: float, other: float) -> float:
    """Return the Jaccard index of two independent labels of some frequencies."""
    return _jaccard(one * other, one, other)


@compiled
def _jaccard(both: float, one: float, other: float) -> float:
    either = one + other - both
    return both / either if either > 0.0 else 0.0


@compiled
def similarity(labels: Table, places: Table, book: NDArray[np.int64], a: int, b: int) -> float:
    """Return the Jaccard similarity beyond chance of two labels; see `Cooccurrence.similarities`.

    How often they meet is read from the row with fewer touches: the rarer label's, or that of the one whose
    companions changed last.
    """
    if a >= len(labels) or b >= len(labels):
        return 0.0
    known, other = touches(labels, a), touches(labels, b)
    if known > other or (known == other and a > b):
        a, b = b, a
    met = share(labels, places, a, b)
    if met == 0.0:
        return 0.0
    one, two = _frequency(labels, a, book[MESSAGES]), _frequency(labels, b, book[MESSAGES])
    observed, chance = _jaccard(min(met * one, two), one, two), jaccard_by_chance(one, two)
    return (observed - chance) / (1.0 - chance) if observed > chance else 0.0


@compiled
def _similarities(
    labels: Table, places: Table, book: NDArray[np.int64], rows: Ids, columns: Ids
) -> NDArray[np.float64]:
    alike = np.empty((len(rows), len(columns)))
    for i in range(len(rows)):
        for j in range(len(columns)):
            alike[i, j] = similarity(labels, places, book, rows[i], columns[j])
    return alike


@compiled
def _among(labels: Table, places: Table, book: NDArray[np.int64], group: Ids) -> NDArray[np.float64]:
    alike = np.empty((len(group), len(group)))
    for i in range(len(group)):
        for j in range(i + 1):
            alike[i, j] = alike[j, i] = similarity(labels, places, book, group[i], group[j])
    return alike


@compiled
def _counts(labels: Table, ids: Ids) -> NDArray[np.float64]:
    counted = np.empty(len(ids))
    for n in range(len(ids)):
        counted[n] = touches(labels, ids[n])
    return counted


@compiled
def _frequencies(labels: Table, ids: Ids, now: int) -> NDArray[np.float64]:
    frequency = np.empty(len(ids))
    for n in range(len(ids)):
        frequency[n] = _frequency(labels, ids[n], now)
    return frequency
