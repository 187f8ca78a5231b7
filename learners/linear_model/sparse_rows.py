"""A sparse matrix of weights in one array: a row for each feature, which grows by an entry for each label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Ids, Mask, Vector, compiled
from learners.linear_model.laplace import INTERCEPT, modes

Ints = NDArray[np.int32]
Entries = NDArray[Any]

ENTRY = np.dtype([("label", np.uint32), ("weight", np.float32), ("square", np.float32)])
"""An entry of a feature's row: a label, its weight, and by how much the weight's precision has grown since it
was new, which is the sum of its expected squared gradients."""
FIRST, SIZE, ROOM = range(3)
"""Columns of a feature's row: place of its first entry, number of entries, and number of places."""
LINE = 64 // ENTRY.itemsize
"""Entries in a cache line of 64 bytes."""
TOLERANCE = np.float32(0.02)
"""Errors below it are not learned from: most labels are surely absent, and get no weights."""


@compiled
def add_logits(
    indices: Ints, values: Vector, rows: Ints, entries: Entries, intercept: Vector, logits: Vector
) -> np.float32:
    """Add the contributions of the intercept and the features to the logits; see `_fetch` for the result."""
    fetched = _fetch(indices, rows, entries)
    labels, weights = entries["label"], entries["weight"]
    for label in range(min(len(logits), intercept.shape[1])):
        logits[label] += intercept[0, label]
    for n in range(len(indices)):
        if indices[n] < len(rows):
            row = rows[indices[n]]
            for place in range(row[FIRST], row[FIRST] + row[SIZE]):
                logits[labels[place]] += values[n] * weights[place]
    return fetched


@compiled
def _fetch(indices: Ints, rows: Ints, entries: Entries) -> np.float32:
    """Read something of each cache line of the features' rows: the processor then waits for many at a time.

    Where the rows are is read before: until a row's size has come, how far to read is a guess, and after a
    wrong one nothing is fetched ahead. Returns a sum of no meaning, because a compiler leaves out reading
    what is not used.
    """
    total, weights = np.float32(0.0), entries["weight"]
    firsts, ends = np.zeros((2, len(indices)), dtype=np.int32)
    for n in range(len(indices)):
        if indices[n] < len(rows):
            row = rows[indices[n]]
            firsts[n], ends[n] = row[FIRST], row[FIRST] + row[SIZE]
    for n in range(len(indices)):
        for place in range(firsts[n], ends[n], LINE):
            total += weights[place]
    return total


@compiled
def learned(
    indices: Ints,
    values: Vector,
    scores: Vector,
    error: Vector,
    precision: np.float32,
    rows: Ints,
    entries: Entries,
    intercept: Vector,
) -> tuple[Ids, Vector, Vector, Ints]:
    """Return the labels that are learned, their Laplace steps, curvatures and `places`; update intercepts.

    `precision` is that of a new weight. The intercepts' is larger, as if their input were `INTERCEPT`.
    """
    squares = entries["square"]
    doubted = np.flatnonzero(np.abs(error) >= TOLERANCE)
    where = places(indices, doubted, rows, entries)
    least = precision / np.float32(INTERCEPT * INTERCEPT)
    doubts = np.empty(len(doubted), dtype=np.float32)
    for n in range(len(doubted)):
        doubts[n] = np.float32(1.0) / (least + intercept[1, doubted[n]])
    for n in range(len(indices)):
        first, square = rows[indices[n], FIRST], values[n] * values[n]
        for m in range(len(doubted)):
            place = first + where[n, m]
            doubts[m] += square / (precision + squares[place] if where[n, m] >= 0 else precision)
    steps, curvatures = modes(scores[doubted], error[doubted], doubts)
    for n in range(len(doubted)):
        label = doubted[n]
        intercept[0, label] -= steps[n] / (least + intercept[1, label])
        intercept[1, label] += curvatures[n]
    return doubted, steps, curvatures, where


@compiled
def places(indices: Ints, doubted: Ids, rows: Ints, entries: Entries) -> Ints:
    """Return where in the features' rows the labels' entries are, counted from the first entry.

    For a label without an entry it is -1 minus the place where it belongs. Shape (features, labels).
    """
    labels, where = entries["label"], np.empty((len(indices), len(doubted)), dtype=np.int32)
    for n in range(len(indices)):
        first, size = rows[indices[n], FIRST], rows[indices[n], SIZE]
        place = first
        for m in range(len(doubted)):
            # Labels ascend, each once, so that no label's entry has a higher place than its id.
            place = _first_not_below(doubted[m], place, first + min(size, doubted[m]) - place, entries)
            missing = place == first + size or labels[place] != doubted[m]
            where[n, m] = first - place - 1 if missing else place - first
    return where


@compiled
def step(
    indices: Ints,
    values: Vector,
    begin: int,
    doubted: Ids,
    steps: Vector,
    curvatures: Vector,
    where: Ints,
    precision: np.float32,
    keep: np.float32,
    rows: Ints,
    entries: Entries,
    used: int,
) -> tuple[int, int]:
    """Update the weights of the features from `begin` on, given what `learned` returned.

    `keep` is the share of a precision's growth that remains after the update. Returns where it ended, before
    the last feature if memory ran out, and the number of places in use.
    """
    weights, squares = entries["weight"], entries["square"]
    for n in range(begin, len(indices)):
        row, value = indices[n], values[n]
        # Room as if no label had an entry yet, for those of later messages.
        used, fits = _widen(rows, row, rows[row, SIZE] + len(doubted), entries, used)
        if not fits:
            return n, used
        first = rows[row, FIRST]
        for m in range(len(doubted)):
            place = first + where[n, m]
            if where[n, m] < 0:
                place = first - where[n, m] - 1
                _insert(doubted[m], place, rows, row, entries)
                # Labels ascend: the entries of later ones have moved.
                first += 1
            weights[place] -= value * steps[m] / (precision + squares[place])
            squares[place] = keep * (squares[place] + value * value * curvatures[m])
    return len(indices), used


@compiled
def copy_weights(
    parent: int, label: int, begin: int, filled: Ids, rows: Ints, entries: Entries, used: int
) -> tuple[int, int]:
    """Copy the parent's weights of filled rows from `begin` on to a label; returns the same as `step`."""
    for n in range(begin, len(filled)):
        row = filled[n]
        place, found = _place_of(parent, rows, row, entries)
        if found:
            weight = entries[place].weight
            used, fits = _widen(rows, row, rows[row, SIZE] + 1, entries, used)
            if not fits:
                return n, used
            place, found = _place_of(label, rows, row, entries)
            if not found:
                _insert(label, place, rows, row, entries)
            entries[place].weight = weight
    return len(filled), used


@compiled
def _place_of(label: int, rows: Ints, row: int, entries: Entries) -> tuple[int, bool]:
    """Return the place of a label's entry in a row, or where it belongs, and whether it has one."""
    first, size = rows[row, FIRST], rows[row, SIZE]
    place = _first_not_below(label, first, size, entries)
    return place, place < first + size and entries[place].label == label


@compiled
def _first_not_below(label: int, place: int, size: int, entries: Entries) -> int:
    """Return the place of a label's entry in a row, or where it belongs: entries ascend by label.

    No step branches on what it finds: half of the guesses would be wrong, and each would wait for memory.
    """
    labels, wanted = entries["label"], np.uint32(label)
    if not size:
        return place
    while size > 1:
        half = size >> 1
        place += half * (labels[place + half - 1] < wanted)
        size -= half
    return int(place + (labels[place] < wanted))


@compiled
def _insert(label: int, place: int, rows: Ints, row: int, entries: Entries) -> None:
    """Insert a new entry for a label in its place, in a row with room for it."""
    for later in range(rows[row, FIRST] + rows[row, SIZE], place, -1):
        _move(entries, later - 1, entries, later)
    entries[place].label = label
    entries[place].weight = entries[place].square = np.float32(0.0)
    rows[row, SIZE] += 1


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
def in_use(rows: Ints, places: int) -> Mask:
    """Return which places hold an entry of a row."""
    in_use = np.zeros(places, dtype=np.bool_)
    for n in range(len(rows)):
        in_use[rows[n, FIRST] : rows[n, FIRST] + rows[n, SIZE]] = True
    return in_use


@compiled
def compact(rows: Ints, entries: Entries, bound: np.float32, fresh: Entries) -> int:
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
        if rows[row, SIZE] == 0:
            # As a row that was never used: a state leaves out the last of these.
            rows[row, FIRST] = 0
        rows[row, ROOM] = _room(rows[row, SIZE])
        used += rows[row, ROOM]
    return used


@compiled
def _room(size: int) -> int:
    """Return the number of places of a row of a size: most rows stay short."""
    return size + size // 2
