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


def with_missed(listed: Ids, labels: Ids) -> tuple[Ids, Ids]:
    """Return a list with some labels (ids, ascending) added, and those of them that it lacked."""
    places = np.searchsorted(listed, labels)
    # -1, which is no label, stands after the last.
    lacking = np.append(listed, -1)[places] != labels
    if not lacking.any():
        return listed, labels[:0]
    return np.insert(listed, places[lacking], labels[lacking]), labels[lacking]


def spread(values: Vector, listed: Ids | None, labels: int) -> Vector:
    """Return one value for each of some labels, 0 for those that are not listed; None stands for all."""
    if listed is None:
        return values
    every = np.zeros(labels, dtype=np.float32)
    every[listed] = values
    return every
