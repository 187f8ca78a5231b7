"""Names for the types of arrays, and arrays that grow at amortised O(1) per row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Single precision: features, scores, weights. In a vector of features NaN means *missing*."""
Floats = NDArray[np.float64]
"""Double precision: sums, counts that decay, statistics."""
Ids = NDArray[np.intp]
"""Ids of labels, clusters or series, or positions in an array."""
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def grown(
    array: NDArray[Any], rows: int, columns: int = 0, *, fill: float | NDArray[Any] = 0.0
) -> NDArray[Any]:
    """Return an array with at least `rows` rows (and `columns` columns, if a matrix), with the old values.

    The same array comes back where it is large enough; otherwise each axis that is too short is at
    least doubled, so a row costs amortised O(1). New elements hold `fill`, broadcast to the whole array. A
    matrix that is laid out by columns stays so.

    Examples
    --------
    >>> import numpy as np
    >>> grown(np.ones(2), 3)
    array([1., 1., 0., 0.])
    >>> grown(np.ones((2, 2)), 2, 3).shape
    (2, 4)
    """
    # Called some twenty times per message; the array is nearly always large enough.
    if rows <= len(array) and (columns == 0 or columns <= array.shape[1]):
        return array
    shape = list(array.shape)
    for axis, size in enumerate((rows, columns) if columns else (rows,)):
        if size > shape[axis]:
            shape[axis] = max(size, 2 * shape[axis])
    larger = np.full(shape, fill, dtype=array.dtype, order="F" if array.flags.fnc else "C")
    larger[tuple(slice(0, have) for have in array.shape)] = array
    return larger
