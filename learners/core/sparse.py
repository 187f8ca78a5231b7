"""Vectors with a sparse part: many hashed dimensions beside the dense ones that every learner reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.core import Vector, compiled


class Sparse(NamedTuple):
    """A vector of very many dimensions, stored as its nonzero values.

    Parameters
    ----------
    indices
        Positions of the values, ascending, each once; int32. Shape (n,).
    values
        The nonzero values, float32. Shape (n,).
    """

    indices: NDArray[np.int32]
    values: Vector


class Features(np.ndarray[tuple[int, ...], np.dtype[np.float32]]):
    """A dense vector that every learner reads as an array, with a sparse part for learners that ask for it.

    Copies of it, and results computed from it, have no sparse part.

    Parameters
    ----------
    dense
        The dense vector, shape (d,).
    sparse
        The sparse part, not empty: the same event in more dimensions, scaled to length 1.

    Examples
    --------
    >>> sparse = Sparse(np.array([3, 70_000], dtype=np.int32), np.array([0.6, 0.8], dtype=np.float32))
    >>> x = Features(np.ones(4, dtype=np.float32), sparse)
    >>> float(x @ x), sparse_part(x) is sparse, sparse_part(2 * x).indices.tolist()
    (4.0, True, [0, 1, 2, 3])
    """

    # Arrays derived from this one do not get the attribute.
    sparse: Sparse | None = None

    def __new__(cls, dense: Vector, sparse: Sparse) -> Features:
        """View the dense vector as one with a sparse part."""
        features = dense.view(cls)
        features.sparse = sparse
        return features


def given_part(x: Vector) -> Sparse | None:
    """Return the sparse part that a vector came with; None if it has none."""
    return x.sparse if isinstance(x, Features) else None


def sparse_part(x: Vector) -> Sparse:
    """Return a vector's sparse part; without one, its own nonzero values, scaled to length 1.

    Missing values count as 0.

    Examples
    --------
    >>> sparse_part(np.array([0.0, 3.0, np.nan, 4.0], dtype=np.float32))
    Sparse(indices=array([1, 3], dtype=int32), values=array([0.6, 0.8], dtype=float32))
    """
    given = given_part(x)
    return Sparse(*_direction(x)) if given is None else given


@compiled
def _direction(x: Vector) -> tuple[NDArray[np.int32], Vector]:
    total, size = 0.0, 0
    for value in x:
        if value != 0.0 and not np.isnan(value):
            total += np.float64(value) * np.float64(value)
            size += 1
    indices, values = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
    length, size = np.sqrt(total), 0
    for i in range(len(x)):
        if x[i] != 0.0 and not np.isnan(x[i]):
            indices[size] = i
            values[size] = np.float64(x[i]) / length
            size += 1
    return indices, values
