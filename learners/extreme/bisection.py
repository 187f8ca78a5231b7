"""Dividing rows in two by direction, neither part too small: how a node of a tree becomes two."""

from __future__ import annotations

import numpy as np

from drift.core import Mask, Vector

ROUNDS = 6
"""Rounds of 2-means: after them hardly a row changes sides."""


def bisect(rows: Vector) -> Mask:
    """Divide n >= 4 rows of shape (n, d) by 2-means of their directions; a mask of one part.

    Each part gets a quarter of the rows, and two, at least. Within these bounds the cut goes where the
    parts differ most, so rows that are alike stay together: cut in the middle, every group of them would
    be torn apart sooner or later.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0, 1], [2, 0.1], [0.1, 3], [0, 2], [0, 1]], dtype=np.float32)
    >>> bisect(rows).tolist()
    [True, False, True, False, False, False]
    """
    unit = directions(rows)
    first = _farthest(unit, unit.mean(axis=0))
    second = _farthest(unit, first)
    mask = np.zeros(len(rows), dtype=np.bool_)
    for _ in range(ROUNDS):
        order = np.argsort(unit @ (second - first), kind="stable")
        mask[:] = False
        mask[order[: _cut(unit[order])]] = True
        first, second = unit[mask].mean(axis=0), unit[~mask].mean(axis=0)
    return mask


def directions(rows: Vector) -> Vector:
    """Return rows of shape (n, d) brought to length 1; rows of zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: Vector = rows / np.maximum(lengths, np.float32(1e-12))[:, None]
    return unit


def _cut(rows: Vector) -> int:
    """Return how many of the first rows to part from the rest so that the parts vary least within."""
    sums = np.cumsum(rows, axis=0, dtype=np.float64)
    least = max(2, len(rows) // 4)
    sizes = np.arange(least, len(rows) - least + 1)
    before, after = sums[sizes - 1], sums[-1] - sums[sizes - 1]
    between = np.einsum("ij,ij->i", before, before) / sizes
    between += np.einsum("ij,ij->i", after, after) / (len(rows) - sizes)
    return int(sizes[between.argmax()])


def _farthest(rows: Vector, point: Vector) -> Vector:
    apart = rows - point
    farthest: Vector = rows[int(np.einsum("ij,ij->i", apart, apart).argmax())]
    return farthest
