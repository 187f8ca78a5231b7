"""Average linkage of the labels of a cluster, in an order that does not depend on chance."""

from __future__ import annotations

import numpy as np

from drift.core import Floats, Ids, compiled


@compiled
def average_linkage(alike: Floats, counts: Floats) -> tuple[Ids, Floats]:
    """Return the merges of average linkage, closest first, as pairs (survivor, absorbed), and similarities.

    Averages over groups are weighted by their labels' counts, so labels with few messages decide little.

    Examples
    --------
    >>> import numpy as np
    >>> alike = np.array([[1, 0.1, 0.8], [0.1, 1, 0.2], [0.8, 0.2, 1]])
    >>> merges, closeness = average_linkage(alike, np.ones(3))
    >>> merges.tolist(), closeness.round(2).tolist()
    ([[0, 2], [0, 1]], [0.8, 0.15])
    """
    size = len(alike)
    near, weight = alike.copy(), counts + 1e-9
    merges, closeness = np.empty((size - 1, 2), dtype=np.intp), np.empty(size - 1)
    left, closest = np.arange(size), np.empty(size, dtype=np.intp)
    for place in range(size - 1):
        closest[place] = _closest(near, left, place)
    for step in range(size - 1):
        left = left[: size - step]
        a = left[0]
        for one in left[:-1]:
            a = one if near[one, closest[one]] > near[a, closest[a]] else a
        b = closest[a]
        merges[step, 0], merges[step, 1], closeness[step] = a, b, near[a, b]
        total = weight[a] + weight[b]
        for other in left:
            mean = (weight[a] * near[a, other] + weight[b] * near[b, other]) / total
            near[a, other] = near[other, a] = mean
        weight[a] = total
        gone = np.searchsorted(left, b)
        left[gone:-1] = left[gone + 1 :].copy()
        _update_closest(near, left[:-1], a, b, closest)
    return merges, closeness


@compiled
def _closest(near: Floats, left: Ids, place: int) -> int:
    """Return the label closest to that at a place, of those that follow it; of equals the first."""
    label, best = left[place], int(left[place + 1])
    for other in left[place + 2 :]:
        best = other if near[label, other] > near[label, best] else best
    return best


@compiled
def _update_closest(near: Floats, left: Ids, a: int, b: int, closest: Ids) -> None:
    """Correct what is closest to each label left, after `a` has absorbed `b`."""
    for place in range(len(left) - 1):
        label = left[place]
        if label == a or closest[label] == a or closest[label] == b:
            closest[label] = _closest(near, left, place)
        elif label < a:
            best = near[label, closest[label]]
            if near[label, a] > best or (near[label, a] == best and a < closest[label]):
                closest[label] = a
