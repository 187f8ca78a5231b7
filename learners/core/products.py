"""Inner products of one vector with many others, summed in the same order on every machine.

BLAS chooses an order by processor and by memory layout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Ids, compiled

LARGEST = np.float32(1e15)
"""Largest value that a feature is taken to have: squares and products, and sums of them, must not overflow
single precision, as infinity minus infinity would be in what is learned for good, and later scores NaN."""


@compiled
def given(x: NDArray[Any], most: int) -> tuple[Ids, int]:
    """Return the features, of the first so many, that are neither missing nor 0, and how many there are."""
    features, size = np.empty(len(x), dtype=np.intp), 0
    for feature in range(min(len(x), most)):
        if x[feature] != 0.0 and not np.isnan(x[feature]):
            features[size] = feature
            size += 1
    return features, size


@compiled
def add_products(vectors: NDArray[Any], x: NDArray[Any], sums: NDArray[Any]) -> None:
    """Add to each sum the product of x with one of the vectors; missing values and zeros in x cost nothing.

    Parameters
    ----------
    vectors
        One row per feature, one column per vector: shape (d or other, n or more); features that one side
        lacks count as 0.
    x
        The vector, NaN where a value is missing. Shape (d,).
    sums
        The sums to add to. Shape (n,).

    Examples
    --------
    >>> sums = np.zeros(2)
    >>> add_products(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]), sums)
    >>> sums
    array([31., 42.])
    """
    features, size = given(x, len(vectors))
    # Four features at a time: the sums are read and written a quarter as often, in the same order.
    fours = size - size % 4
    for n in range(0, fours, 4):
        i, j, k, m = features[n], features[n + 1], features[n + 2], features[n + 3]
        a, b, c, d = x[i], x[j], x[k], x[m]
        for place in range(len(sums)):
            total = sums[place] + a * vectors[i, place]
            total += b * vectors[j, place]
            total += c * vectors[k, place]
            sums[place] = total + d * vectors[m, place]
    for n in range(fours, size):
        i = features[n]
        a = x[i]
        for place in range(len(sums)):
            sums[place] += a * vectors[i, place]


@compiled
def add_products_of(vectors: NDArray[Any], columns: Ids, x: NDArray[Any], sums: NDArray[Any]) -> None:
    """Add to each sum the product of x with one of some vectors, as `add_products` does with all, bit by bit.

    It takes vector by vector, so it is fast where the matrix is laid out by columns.

    Parameters
    ----------
    vectors, x
        See `add_products`.
    columns
        Columns of the vectors, below n. Shape (m,).
    sums
        The sums to add to. Shape (m,).

    Examples
    --------
    >>> sums = np.zeros(1)
    >>> add_products_of(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1]), np.array([1.0, 10.0]), sums)
    >>> sums
    array([42.])
    """
    features, size = given(x, len(vectors))
    # Four vectors at a time, so that no sum waits for the last addition to it.
    fours = len(columns) - len(columns) % 4
    for place in range(0, fours, 4):
        i, j, k, m = columns[place], columns[place + 1], columns[place + 2], columns[place + 3]
        a, b, c, d = sums[place], sums[place + 1], sums[place + 2], sums[place + 3]
        for n in range(size):
            feature = features[n]
            value = x[feature]
            a += value * vectors[feature, i]
            b += value * vectors[feature, j]
            c += value * vectors[feature, k]
            d += value * vectors[feature, m]
        sums[place], sums[place + 1], sums[place + 2], sums[place + 3] = a, b, c, d
    for place in range(fours, len(columns)):
        column, total = columns[place], sums[place]
        for n in range(size):
            total += x[features[n]] * vectors[features[n], column]
        sums[place] = total
