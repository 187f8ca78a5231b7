"""The few labels of a large label space that a message may carry: only they are scored and taught."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, Vector, compiled

MANY = 900
"""Labels from which on only a shortlist is scored: with fewer than 800 it takes longer than to score all."""
LISTED = 128
"""Most labels that are listed because one expert thinks them the likeliest, whatever the others say."""
HALVINGS = 24
"""Steps of the search for their bound, at most."""
BLOCK = 32
"""Labels that are passed over together if none of them can be listed."""
NOTHING: Ids = np.zeros(0, dtype=np.intp)


def shortlist(logits: Vector, *others: Ids, most: int | None = None) -> Ids:
    """Return the ids, ascending, of the labels with the highest log-odds, and of others.

    Of the former `most` at most; None (the default) for `LISTED`. Labels with equal log-odds are listed all
    or not at all.

    Examples
    --------
    >>> logits = np.zeros(1000, dtype=np.float32)
    >>> logits[700] = 3.0
    >>> shortlist(logits, np.array([900])).tolist()
    [700, 900]
    """
    return _with_likeliest(logits, most or LISTED, np.concatenate((NOTHING, *others)))


@compiled
def _with_likeliest(logits: Vector, most: int, others: Ids) -> Ids:
    """Return the ids, ascending, of at most so many labels with the highest log-odds, and of others."""
    highest = np.empty(-(-len(logits) // BLOCK), dtype=np.float32)
    for block in range(len(highest)):
        high = logits[block * BLOCK]
        for logit in logits[block * BLOCK : (block + 1) * BLOCK]:
            high = logit if logit > high else high
        highest[block] = high
    # Nearly so many blocks have a label above it, or more labels than one: the bound sought is no lower.
    bound = _bound(highest, most)
    kept, size = np.empty(min(most * BLOCK, len(logits)) + BLOCK + len(others), dtype=np.intp), 0
    for block in range(len(highest)):
        if highest[block] > bound:
            for label in range(block * BLOCK, min((block + 1) * BLOCK, len(logits))):
                # Without a branch, which could not be predicted.
                kept[size] = label
                size += logits[label] > bound
    if size > most:
        likely, size = kept[:size], 0
        bound = _bound(logits[likely], most)
        for label in likely:
            kept[size] = label
            size += logits[label] > bound
    kept[size : size + len(others)] = others
    listed, last, size = np.sort(kept[: size + len(others)]), -1, 0
    for label in listed:
        listed[size] = label
        size += label != last
        last = label
    return listed[:size]


@compiled
def _bound(values: Vector, most: int) -> float:
    """Return a bound that at most so many values exceed, and nearly so many if they are not equal."""
    if len(values) <= most:
        return -np.inf
    low, high = np.float64(values.min()), np.float64(values.max())
    for _ in range(HALVINGS):
        middle, above = 0.5 * (low + high), 0
        for value in values:
            above += value > middle
        if above > most:
            low = middle
        else:
            high = middle
        if 8 * above > 7 * most and above <= most:
            break
    return high


@compiled
def places(listed: Ids, labels: Ids) -> Ids:
    """Return where labels are in a list (ids, ascending) that holds them all."""
    return np.searchsorted(listed, labels)


@compiled
def with_missed(listed: Ids, labels: Ids) -> tuple[Ids, Ids]:
    """Return a list with some labels (ids, ascending) added, and those that it lacked."""
    missed, size = np.empty(len(labels), dtype=np.intp), 0
    for label in labels:
        place = np.searchsorted(listed, label)
        if place == len(listed) or listed[place] != label:
            missed[size] = label
            size += 1
    if not size:
        return listed, missed[:0]
    return np.sort(np.concatenate((listed, missed[:size]))), missed[:size]


@compiled
def joined(every: Ids, missed: Ids, tables: tuple[Vector, ...], more: tuple[Vector, ...]) -> Vector:
    """Return a table of the columns of every label, ascending, given those of the missed ones in `more`.

    `tables` have a column for each of the others; the rows of all of them are stacked.
    """
    places, rows = np.searchsorted(every, missed), 0
    for n in range(len(tables)):
        rows += len(tables[n])
    stacked, first = np.empty((rows, len(every)), dtype=np.float32), 0
    for n in range(len(tables)):
        for row in range(len(tables[n])):
            begin, wide = 0, stacked[first + row]
            for m in range(len(missed)):
                wide[begin : places[m]] = tables[n][row, begin - m : places[m] - m]
                wide[places[m]] = more[n][row, m]
                begin = places[m] + 1
            wide[begin:] = tables[n][row, begin - len(missed) :]
        first += len(tables[n])
    return stacked


@compiled
def columns(tables: tuple[Vector, ...], labels: Ids, starts: tuple[Vector, ...]) -> Vector:
    """Return the columns of some labels, copied from tables of one shape: (tables, rows, k).

    Those past a table's end are its start, shape (rows, 1).
    """
    chosen = np.empty((len(tables), len(tables[0]), len(labels)), dtype=np.float32)
    for n in range(len(tables)):
        table, start = tables[n], starts[n]
        for place in range(len(labels)):
            label = labels[place]
            if label < table.shape[1]:
                for row in range(len(table)):
                    chosen[n, row, place] = table[row, label]
            else:
                chosen[n, :, place] = start[:, 0]
    return chosen


@compiled
def put_columns(tables: tuple[Vector, ...], labels: Ids, chosen: Vector) -> None:
    """Put columns of some labels back into the tables."""
    for n in range(len(tables)):
        table = tables[n]
        for place in range(len(labels)):
            for row in range(len(table)):
                table[row, labels[place]] = chosen[n, row, place]


def spread(values: Vector, listed: Ids | None, labels: int) -> Vector:
    """Return one value for each of some labels, 0 for those that are not listed; None stands for all."""
    if listed is None:
        return values
    every = np.zeros(labels, dtype=np.float32)
    every[listed] = values
    return every
