"""Rows of the labels that each label met: flat arrays that compiled code reads and writes.

Every label has one record of `LABEL`, and a row of places from `start`, `room` of them (a power of two times
`LINE`), each empty or a partner with the weight of their meetings. `book` holds what is counted over all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drift.core import Counts, Ids, compiled

PARTNERS = 32
"""Most partners that a label counts in one message."""
LINE = 8
"""Places that one look at memory brings: partners are looked for within one line of their label's row."""
WIDEST = 128
"""Most partners remembered per label: twice the largest cluster and more."""

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
"""What is known of a label: 64 bytes, one look at memory."""
PLACE = np.dtype([("partner", "i4"), ("weight", "f4")])
MESSAGES, TOP, USED, FREE = 0, 1, 2, 3
CLASSES = 5
"""Sizes a row can have: 8, 16, 32, 64, 128 places."""

Records = NDArray[np.void]


@compiled
def needed(labels: Records, ids: Ids) -> int:
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
def line_of(start: int, room: int, partner: int) -> int:
    """Return the first of the eight places that a partner can have in a row."""
    return start + (((int(partner) * 0x9E3779B1) & 0xFFFFFFFF) >> 12) % (room // LINE) * LINE


@compiled
def meet(labels: Records, places: Records, book: Counts, label: int, other: int, times: float) -> float:
    """Count a partner in a label's row; return the weight it had, as a share of the label's touches.

    0 stands for an empty place, partner + 1 for a partner.
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
    """Move a row to one twice as wide: a line divides into two, so nothing is crowded out."""
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
        free = FREE + _size_class(room)
        places["partner"][start] = book[free] + 1
        book[free] = start
    labels["start"][label], labels["room"][label] = new, wider


@compiled
def _take(places: Records, book: Counts, room: int) -> int:
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


@compiled
def touches(labels: Records, label: int) -> float:
    """Return the decayed number of messages with a label."""
    if label >= len(labels) or labels["weight"][label] == 0.0:
        return 0.0
    return float(labels["touches"][label] / labels["weight"][label])


@compiled
def share(labels: Records, places: Records, label: int, other: int) -> float:
    """Return the share of a label's messages that carry another, too."""
    if label >= len(labels) or labels["room"][label] == 0:
        return 0.0
    line = line_of(labels["start"][label], labels["room"][label], other)
    for place in range(line, line + LINE):
        if places["partner"][place] == other + 1:
            part: float = places["weight"][place] / labels["touches"][label]
            return min(1.0, part)
    return 0.0
