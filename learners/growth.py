"""Arrays that grow with labels and features, at O(1) amortised a row."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def grown(array: NDArray[Any], *sizes: int, fill: float | NDArray[Any] = 0.0) -> NDArray[Any]:
    """Return an array at least as large as `sizes` along its leading axes, old values kept.

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
    if all(map(operator.le, sizes, array.shape)):
        return array
    shape = list(array.shape)
    for axis, size in enumerate(sizes):
        if size > shape[axis]:
            shape[axis] = max(size, 2 * shape[axis])
    larger = np.full(shape, fill, dtype=array.dtype)
    larger[tuple(slice(0, have) for have in array.shape)] = array
    return larger


def roomy(array: NDArray[Any], *sizes: int) -> NDArray[Any]:
    """Return an array at least as large as `sizes`, old values kept, each axis at least the next power of 2.

    The layout then does not tell when an array grew, and BLAS, which adds in an order that depends on the
    layout, computes with a restored matrix what it did with the saved one.

    Examples
    --------
    >>> import numpy as np
    >>> roomy(np.ones((3, 5)), 3, 5).shape
    (4, 8)
    """
    shape = [1 << max(size - 1, 0).bit_length() for size in sizes]
    if all(map(operator.le, shape, array.shape)):
        return array
    larger = np.zeros(list(map(max, shape, array.shape)), dtype=array.dtype)
    larger[tuple(slice(0, have) for have in array.shape)] = array
    return larger
