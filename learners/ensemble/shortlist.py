"""The few labels of a large label space that a message may carry: only they are scored and taught."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, Vector, compiled

MANY = 2000
"""Labels from which on only a shortlist is scored: at a thousand it saves nothing, and on messages of twenty
labels it costs precision."""
LISTED = 128
"""Most labels that are listed because one expert thinks them the likeliest, whatever the others say."""
HALVINGS = 24
"""Steps of the search for their bound."""


def shortlist(logits: Vector, *others: Ids) -> Ids:
    """Return the ids, ascending, of at most `LISTED` labels with the highest log-odds, and of others.

    Labels with equal log-odds are listed all or not at all.

    Examples
    --------
    >>> logits = np.zeros(1000, dtype=np.float32)
    >>> logits[700] = 3.0
    >>> shortlist(logits, np.array([900])).tolist()
    [700, 900]
    """
    listed = logits > _bound(logits, LISTED)
    for ids in others:
        listed[ids] = True
    return np.flatnonzero(listed)


@compiled
def _bound(values: Vector, most: int) -> float:
    """Return a bound that at most so many values exceed, and nearly so many if they are not equal."""
    if len(values) <= most:
        return -np.inf
    low, high, rest = np.float64(values.min()), np.float64(values.max()), values
    for _ in range(HALVINGS):
        middle, above = 0.5 * (low + high), 0
        for value in rest:
            above += value > middle
        if above > most:
            low = middle
            if 2 * above < len(rest):
                # Of the rest nothing is counted any more.
                rest = rest[rest > low]
        else:
            high = middle
        if 8 * above > 7 * most and above <= most:
            break
    return high


@compiled
def places(listed: Ids, labels: Ids) -> Ids:
    """Return where labels are in a list (ids, ascending) that holds them all."""
    return np.searchsorted(listed, labels)


def with_missed(listed: Ids | None, labels: Ids) -> tuple[Ids | None, Ids]:
    """Return a list with some labels (ids, ascending) added, and those that it lacked; None lists all."""
    return (None, labels[:0]) if listed is None else _with_missed(listed, labels)


@compiled
def _with_missed(listed: Ids, labels: Ids) -> tuple[Ids, Ids]:
    missed, size = np.empty(len(labels), dtype=np.intp), 0
    for label in labels:
        place = np.searchsorted(listed, label)
        if place == len(listed) or listed[place] != label:
            missed[size] = label
            size += 1
    if not size:
        return listed, missed[:0]
    return np.sort(np.concatenate((listed, missed[:size]))), missed[:size]


def without(probabilities: Vector, listed: Ids | None, missed: Ids) -> Vector:
    """Return probabilities of the listed labels with 0 for some of them."""
    if listed is None or not len(missed):
        return probabilities
    rest = probabilities.copy()
    rest[places(listed, missed)] = 0.0
    return rest


@compiled
def columns(table: Vector, labels: Ids, start: Vector) -> Vector:
    """Return the columns of some labels, copied; those past the table's end are `start`, shape (rows, 1)."""
    chosen = np.empty((len(table), len(labels)), dtype=table.dtype)
    for place in range(len(labels)):
        known = labels[place] < table.shape[1]
        for row in range(len(table)):
            chosen[row, place] = table[row, labels[place]] if known else start[row, 0]
    return chosen


@compiled
def put_columns(table: Vector, labels: Ids, chosen: Vector) -> None:
    """Put columns of some labels back into a table."""
    for place in range(len(labels)):
        for row in range(len(table)):
            table[row, labels[place]] = chosen[row, place]


def spread(values: Vector, listed: Ids | None, labels: int) -> Vector:
    """Return one value for each of some labels, 0 for those that are not listed; None stands for all."""
    if listed is None:
        return values
    every = np.zeros(labels, dtype=np.float32)
    every[listed] = values
    return every
