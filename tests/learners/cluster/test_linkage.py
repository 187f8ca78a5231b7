"""Average linkage, against scipy's and against a plain one over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from drift.core import Floats
from learners.cluster.linkage import average_linkage
from tests.learners.cluster.test_comparison import similarities


@pytest.mark.parametrize("seed", range(5))
def test_average_linkage_equals_scipys(seed: int) -> None:
    """Of labels with equally many messages."""
    alike = similarities(9, seed)
    merges, closeness = average_linkage(alike, np.full(9, 7.0))
    tree = hierarchy.linkage(squareform(1.0 - alike, checks=False), "average")
    np.testing.assert_allclose(closeness, 1.0 - tree[:, 2], atol=1e-6)
    assert merges.shape == (8, 2)


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_weighted_by_their_messages(seed: int) -> None:
    """Each merge joins the two closest groups, by the weighted mean over all pairs of their labels."""
    alike, counts = similarities(8, seed), np.random.default_rng(seed).integers(1, 50, 8).astype(float)
    groups = {label: [label] for label in range(8)}
    for (one, other), close in zip(*average_linkage(alike, counts), strict=True):
        means = {
            (a, b): np.average(
                alike[np.ix_(groups[a], groups[b])], weights=np.outer(counts[groups[a]], counts[groups[b]])
            )
            for a in groups
            for b in groups
            if a < b
        }
        nearest = max(means, key=lambda pair: means[pair])
        assert (one, other) == nearest
        assert close == pytest.approx(means[nearest], abs=1e-6)
        groups[one] += groups.pop(other)


def plain_linkage(alike: Floats, counts: Floats) -> list[tuple[int, int]]:
    """Return the merges found by a look at all pairs before each."""
    near, weight, left, merges = alike.copy(), counts + 1e-9, list(range(len(alike))), []
    while len(left) > 1:
        pairs = [(a, b) for a in left for b in left if a < b]
        a, b = max(pairs, key=lambda pair: near[pair])
        means = (weight[a] * near[a] + weight[b] * near[b]) / (weight[a] + weight[b])
        near[a, left] = near[left, a] = means[left]
        weight[a] += weight[b]
        left.remove(b)
        merges.append((a, b))
    return merges


@given(drawn=st.integers(0, 10**6), size=st.integers(1, 12), levels=st.integers(1, 4))
def test_of_equally_close_groups_the_first_are_merged(drawn: int, size: int, levels: int) -> None:
    """However many are, as most pairs of rare labels; the same as when all pairs are looked at each time."""
    draw = np.random.default_rng(drawn)
    alike = np.triu(draw.integers(-1, levels, (size, size)) / 4.0, 1)
    alike, counts = alike + alike.T, draw.integers(0, 3, size).astype(float)
    assert list(map(tuple, average_linkage(alike, counts)[0].tolist())) == plain_linkage(alike, counts)
