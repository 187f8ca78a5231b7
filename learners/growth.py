"""Arrays that grow with labels and features, at O(1) amortised a row."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def grown(array: NDArray[Any], *sizes: int, fill: float = 0.0) -> NDArray[Any]:
    """Return an array at least as large as `sizes` along its leading axes, old values kept.

    The same array comes back where it is large enough; otherwise each axis that is too short gets the
    next power of 2, so a row costs O(1) amortised and the layout does not tell how often an array has
    grown: BLAS adds in an order that depends on it. New places hold `fill`.

    Examples
    --------
    >>> import numpy as np
    >>> grown(np.ones(2), 3)
    array([1., 1., 0., 0.])
    >>> grown(np.ones((2, 2)), 2, 3).shape
    (2, 4)
    """
    shape = list(array.shape)
    if all(map(operator.le, sizes, shape)):
        return array
    for axis, size in enumerate(sizes):
        if size > shape[axis]:
            shape[axis] = 1 << (size - 1).bit_length()
    larger = np.full(shape, fill, dtype=array.dtype)
    larger[tuple(slice(0, have) for have in array.shape)] = array
    return larger


def roomy(array: NDArray[Any], fill: float = 0.0) -> NDArray[Any]:
    """Return a copy laid out as if it had grown row by row: what is restored computes as what was saved.

    The spare places hold `fill`.

    Examples
    --------
    >>> import numpy as np
    >>> roomy(np.ones((3, 5))).shape
    (4, 8)
    """
    room = grown(np.zeros((0,) * array.ndim, dtype=array.dtype), *array.shape, fill=fill)
    room[tuple(slice(0, have) for have in array.shape)] = array
    return room
