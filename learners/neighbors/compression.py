"""Fewer messages in place of many: cluster centres of those with one label-set."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from drift.core import Floats, Ids, Vector
from learners.core import Targets

ROUNDS = 100
"""Most rounds of k-means."""


def compressed(
    vectors: Vector, targets: list[Targets], spread: Vector, seed: int
) -> tuple[Vector, list[Targets]]:
    """Return half as many messages of each label-set: the centres of k-means++, on scaled features.

    Parameters
    ----------
    vectors
        A column a message.
    targets
        What is known of each message's labels.
    spread
        Range of each feature; one of range 0 is left alone.
    seed
        Seed of the first centres' draw.

    Examples
    --------
    >>> even, odd = Targets(np.array([0])), Targets(np.array([1]))
    >>> vectors = np.array([[1.0, 5.0, 1.2, 9.0, 5.0]], dtype=np.float32)
    >>> found, kept = compressed(vectors, [even, odd, even, even, odd], np.ones(1, dtype=np.float32), 0)
    >>> [each.positive.tolist() for each in kept], found[0, 1].tolist()
    ([[0], [1]], 5.0)
    """
    groups: defaultdict[tuple[bytes, bytes | None], list[int]] = defaultdict(list)
    for message, (positive, negative) in enumerate(targets):
        groups[positive.tobytes(), None if negative is None else negative.tobytes()].append(message)
    scale = np.where(spread > 0.0, spread, 1.0).astype(np.float64)[: len(vectors), None]
    generator = np.random.default_rng(seed)
    found, kept = [], []
    for messages in groups.values():
        centres = _centres((vectors[:, messages] / scale).T, max(1, len(messages) // 2), generator)
        found.append((centres.T * scale).astype(np.float32))
        kept += [targets[messages[0]]] * len(centres)
    return np.concatenate(found, axis=1), kept


def _centres(points: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Return at most so many cluster centres of points, shape (count, d)."""
    chosen = [int(generator.integers(len(points)))]
    nearest = _squares(points, points[chosen])[:, 0]
    while len(chosen) < count and nearest.any():
        chosen.append(int(generator.choice(len(points), p=nearest / nearest.sum())))
        nearest = np.minimum(nearest, _squares(points, points[chosen[-1:]])[:, 0])
    centres = points[chosen]
    owner: Ids = np.full(len(points), -1)
    for _ in range(ROUNDS):
        former, owner = owner, _squares(points, centres).argmin(axis=1)
        if np.array_equal(former, owner):
            break
        # A centre that has lost its last point leaves.
        used, owner = np.unique(owner, return_inverse=True)
        sums = np.zeros((len(used), points.shape[1]))
        np.add.at(sums, owner, points)
        centres = sums / np.bincount(owner)[:, None]
    return centres


def _squares(points: Floats, centres: Floats) -> Floats:
    """Return squared distances, shape (points, centres)."""
    squares: Floats = (points**2).sum(axis=1)[:, None] - 2.0 * points @ centres.T + (centres**2).sum(axis=1)
    # Rounded, the square of nearly equal points may be below 0, and of equal ones above.
    squares[squares < 1e-12] = 0.0
    return squares
