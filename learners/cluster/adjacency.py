"""Label adjacency: the partners that each label co-occurred with, in flat arrays for compiled code.

Every label has one record of `LABEL`, and a row of `room` places (`LINE` times a power of two) from `start`.
A place is empty or holds a partner and the weight of their co-occurrences. `book` holds global counters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drift.core import Counts, Ids, compiled

PARTNERS = 32
"""Most partners per label that one message counts, which bounds the cost of messages with many labels."""
LINE = 8
"""Places in a cache line of 64 bytes: a partner is searched only within one line of its label's row."""
WIDEST = 128
"""Most places in a row, and so most partners remembered per label: twice the largest default cluster."""

LABEL = np.dtype(
    [
        ("touches", "f8"),
        ("weight", "f8"),
        ("span", "f8"),
        ("last", "i8"),
        ("start", "i8"),
        ("room", "i4"),
        ("heard", "f4"),
        ("usual", "f4"),
        ("spread", "f4"),
        ("surprise", "f4"),
        ("changed", "i4"),
    ]
)
"""The record of one label: 64 bytes, one cache line."""
PLACE = np.dtype([("partner", "i4"), ("weight", "f4")])
MESSAGES, TOP, USED, FREE = 0, 1, 2, 3
HIGHEST = (1 << 31) - 1
"""Label ids are below it: those of partners have 32 bits."""
CLASSES = 5
"""Number of row sizes: 8, 16, 32, 64, 128 places."""

Records = NDArray[np.void]
"""Structured arrays, of `LABEL` or `PLACE`."""


@compiled
def needed(labels: Records, ids: Ids) -> int:
    """Return an upper bound on the places a message needs: each row may double for each partner counted."""
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
def line_of(start: int, room: int, partner: int) -> int:
    """Return the first of the eight places in a row where a partner may be stored."""
    return start + (((int(partner) * 0x9E3779B1) & 0xFFFFFFFF) >> 12) % (room // LINE) * LINE


@compiled
def meet(labels: Records, places: Records, book: Counts, label: int, other: int, times: float) -> float:
    """Count a partner in a label's row; return its earlier weight, as a share of the label's occurrences.

    In a place, 0 stands for empty, and partner + 1 for a partner.
    """
    weight = labels["weight"][label] * times
    while True:
        start, room = labels["start"][label], labels["room"][label]
        if room > 0:
            line = line_of(start, room, other)
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
def _widen(labels: Records, places: Records, book: Counts, label: int) -> None:
    """Move a row to one of twice the size: each line divides into two, so no partner is evicted."""
    start, room = labels["start"][label], labels["room"][label]
    wider = max(LINE, 2 * room)
    new = _take(places, book, wider)
    for place in range(start, start + room):
        held = places["partner"][place]
        if held > 0:
            target = line_of(new, wider, held - 1)
            while places["partner"][target] > 0:
                target += 1
            places["partner"][target] = held
            places["weight"][target] = places["weight"][place]
    if room > 0:
        _release(places, book, start, room)
    labels["start"][label], labels["room"][label] = new, wider


@compiled
def _take(places: Records, book: Counts, room: int) -> int:
    """Return an empty row: a released one, or the next unused places."""
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
def strike(labels: Records, places: Records, book: Counts, gone: Ids) -> None:
    """Clear the records of some labels, ascending, release their rows, and remove them from all others."""
    leaves = np.zeros(gone[-1] + 1, dtype=np.bool_)
    leaves[gone] = True
    for label in range(len(labels)):
        start, room = labels["start"][label], labels["room"][label]
        own = label < len(leaves) and leaves[label]
        for place in range(start, start + room):
            partner = places["partner"][place] - 1
            if partner >= 0 and (own or (partner < len(leaves) and leaves[partner])):
                places["partner"][place] = 0
                book[USED] -= 1
        if own:
            if room > 0:
                _release(places, book, start, room)
            labels["touches"][label] = labels["weight"][label] = labels["span"][label] = 0.0
            labels["last"][label] = labels["start"][label] = labels["room"][label] = 0
            labels["heard"][label] = labels["usual"][label] = labels["spread"][label] = 0.0
            labels["surprise"][label] = 0.0
            labels["changed"][label] = 0


@compiled
def _release(places: Records, book: Counts, start: int, room: int) -> None:
    """Keep an unused row for later: its first place holds the next one of its size."""
    free = FREE + _size_class(room)
    places["partner"][start] = book[free] + 1
    book[free] = start


@compiled
def _size_class(room: int) -> int:
    size = 0
    while room > LINE:
        room //= 2
        size += 1
    return size


def label_ids(labels: list[int] | Ids, size: int = HIGHEST) -> Ids:
    """Return the ids of a message's labels in a space of `size` labels, each once.

    Raises
    ------
    IndexError
        When there is no such label: compiled code would write beyond the tables.
    """
    ids = np.asarray(labels, dtype=np.intp)
    if not _in_order(ids, size):
        ids = np.unique(ids)
        if ids[0] < 0 or ids[-1] >= size:
            raise IndexError(
                f"A label's id is at least 0 and below the size of the label space, {size:,}. "
                f"Got {ids[0]} to {ids[-1]}."
            )
    return ids


@compiled
def _in_order(ids: Ids, size: int) -> bool:
    last, sound = -1, True
    for label in ids:
        sound &= last < label
        last = label
    return sound and last < size


@compiled
def touches(labels: Records, label: int) -> float:
    """Return the decayed number of messages with a label."""
    if label >= len(labels) or labels["weight"][label] == 0.0:
        return 0.0
    return float(labels["touches"][label] / labels["weight"][label])


@compiled
def share(labels: Records, places: Records, label: int, other: int) -> float:
    """Return the share of a label's messages that also carry another label."""
    if label >= len(labels) or labels["room"][label] == 0:
        return 0.0
    line = line_of(labels["start"][label], labels["room"][label], other)
    for place in range(line, line + LINE):
        if places["partner"][place] == other + 1:
            part: float = places["weight"][place] / labels["touches"][label]
            return min(1.0, part)
    return 0.0
