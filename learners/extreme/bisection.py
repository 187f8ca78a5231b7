"""Dividing vectors into two groups by direction, neither too small: how a tree node is divided."""

from __future__ import annotations

import numpy as np

from drift.core import Mask, Vector

ROUNDS = 6
"""Iterations of 2-means; after these, hardly any row changes sides."""


def bisect(rows: Vector) -> Mask:
    """Divide n >= 4 rows of shape (n, d) by 2-means of their directions; return a mask of one part.

    Each part gets at least a quarter of the rows, and at least two. Within these bounds the cut is where the
    variance within the parts is least, so similar rows stay together; cuts in the middle would divide every
    group of similar rows sooner or later.

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
    """Return rows of shape (n, d) scaled to length 1; rows of zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: Vector = rows / np.maximum(lengths, np.float32(1e-12))[:, None]
    return unit


def _cut(rows: Vector) -> int:
    """Return the number of leading rows to separate, such that the variance within both parts is least."""
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
