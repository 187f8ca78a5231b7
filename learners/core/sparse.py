"""Vectors with a sparse part: many hashed dimensions beside the dense ones that every learner reads."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.core import Vector, compiled
from learners.core.products import LARGEST

POSITIONS = 2**26
"""Positions that a sparse part may have values at: learners keep 12 bytes for each, up to the highest met."""


class Sparse(NamedTuple):
    """A vector of very many dimensions, stored as its nonzero values.

    Parameters
    ----------
    indices
        Positions of the values, ascending, each once, below `POSITIONS`; int32. Shape (n,).
    values
        The nonzero values, finite, float32. Shape (n,).
    """

    indices: NDArray[np.int32]
    values: Vector


class Features(np.ndarray[tuple[int, ...], np.dtype[np.float32]]):
    """A dense vector that every learner reads as an array, with a sparse part for learners that ask for it.

    Slices of it, what `copy()` returns and results computed from it have no sparse part; a pickle and a deep
    copy have it.

    Parameters
    ----------
    dense
        The dense vector, shape (d,).
    sparse
        The sparse part, not empty: the same event in more dimensions, scaled to length 1.

    Raises
    ------
    ValueError
        When the sparse part is not as `Sparse` says: learners would read and write beyond their arrays.

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
        sound = _checked(sparse)
        features = dense.view(cls)
        features.sparse = sound
        return features

    def __reduce__(self) -> Any:
        """Return what a pickle is made of: an array's own leaves the sparse part out."""
        dense = self.view(np.ndarray)
        return dense.__reduce__() if self.sparse is None else (Features, (dense, self.sparse))

    def __deepcopy__(self, memo: dict[int, Any] | None, /) -> Any:
        """Return a copy with the sparse part."""
        dense = self.view(np.ndarray).copy()
        return dense if self.sparse is None else Features(dense, copy.deepcopy(self.sparse, memo))


def _checked(sparse: Sparse) -> Sparse:
    """Return a sparse part as `Sparse` says, the same where it is; raise ValueError where it cannot be."""
    indices, values = sparse
    if not (_is_row(indices, "iu") and _is_row(values, "fiu") and len(indices) == len(values)):
        raise ValueError(
            "A sparse part is an array of positions and one of as many values, both of one dimension. "
            f"Got {_described(indices)} and {_described(values)}; make them with np.array."
        )
    # Wider, they are compared before they are converted, so that none becomes another.
    if not _is_sound(indices, values):
        raise ValueError(
            f"The positions of a sparse part are in [0, {POSITIONS:,}) and ascend, each once, and its values "
            f"are finite. Got positions {_shortened(indices)} and values {_shortened(values)}: sort them, "
            "add up values of the same position, and leave out what is missing."
        )
    if indices.dtype == np.int32 and values.dtype == np.float32:
        return sparse
    return Sparse(indices.astype(np.int32), values.astype(np.float32))


def _is_row(array: object, kinds: str) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in kinds and array.ndim == 1


def _described(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} of shape {array.shape}"
    return type(array).__name__


def _shortened(array: NDArray[np.generic]) -> str:
    return np.array2string(array, threshold=8, edgeitems=4)


@compiled
def _is_sound(indices: NDArray[Any], values: NDArray[Any]) -> bool:
    last = np.int64(-1)
    for n in range(len(indices)):
        if np.int64(indices[n]) <= last or not np.isfinite(np.float32(values[n])):
            return False
        last = np.int64(indices[n])
    return bool(last < POSITIONS)


def given_part(x: Vector) -> Sparse | None:
    """Return the sparse part that a vector came with; None if it has none."""
    return x.sparse if isinstance(x, Features) else None


def sparse_part(x: Vector) -> Sparse:
    """Return a vector's sparse part; without one, its own nonzero values, scaled to length 1.

    Missing values count as 0, and those beyond `LARGEST` as it.

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
            total += _bounded(value) * _bounded(value)
            size += 1
    indices, values = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
    length, size = np.sqrt(total), 0
    for i in range(len(x)):
        if x[i] != 0.0 and not np.isnan(x[i]):
            indices[size] = i
            values[size] = _bounded(x[i]) / length
            size += 1
    return indices, values


@compiled
def _bounded(value: np.float32) -> np.float64:
    """Return a value in double precision, within `LARGEST`."""
    return min(max(np.float64(value), -np.float64(LARGEST)), np.float64(LARGEST))
