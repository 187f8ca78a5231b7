"""The kinds of arrays, by one name each, and arrays that grow at O(1) amortised a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Single precision: features, scores, weights. In a vector of features NaN means *missing*."""
Floats = NDArray[np.float64]
"""Double precision: sums, counts that decay, statistics."""
Ids = NDArray[np.intp]
"""Ids of labels, clusters, series; or places in an array."""
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def grown(
    array: NDArray[Any], rows: int, columns: int = 0, *, fill: float | NDArray[Any] = 0.0
) -> NDArray[Any]:
    """Return an array with at least so many rows, and columns where it has some, old values kept.

    The same array comes back where it is large enough; otherwise each axis that is too short is at
    least doubled, so a row costs O(1) amortised. New places hold `fill`, or their share of it.

    Examples
    --------
    >>> import numpy as np
    >>> grown(np.ones(2), 3)
    array([1., 1., 0., 0.])
    >>> grown(np.ones((2, 2)), 2, 3).shape
    (2, 4)
    """
    # Asked some twenty times a message, nearly always in vain.
    if rows <= len(array) and (columns == 0 or columns <= array.shape[1]):
        return array
    shape = list(array.shape)
    for axis, size in enumerate((rows, columns) if columns else (rows,)):
        if size > shape[axis]:
            shape[axis] = max(size, 2 * shape[axis])
    larger = np.full(shape, fill, dtype=array.dtype)
    larger[tuple(slice(0, have) for have in array.shape)] = array
    return larger
