"""Ranks, groups and the critical difference are those of Demšar's definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluation.ranking import Ranking, rank

NEMENYI = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728}
"""Critical values at level 0.05, by the number of learners: Demšar's table 5a."""
SCORES = st.integers(2, 4).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 3), min_size=size, max_size=size), min_size=1, max_size=5)
)


@given(scores=SCORES)
def test_ranks_are_those_of_a_plain_count(scores: list[list[int]]) -> None:
    """One more than how many are better, and half of how many are equal."""
    names = list("abcd"[: len(scores[0])])
    by_set = [[1 + sum(o > own for o in row) + (row.count(own) - 1) / 2 for own in row] for row in scores]
    ranks = dict(zip(names, np.mean(by_set, axis=0).tolist(), strict=True))
    found = rank(np.array(scores, dtype=np.float64), names)
    assert found.sets == len(scores)
    assert found.mean_ranks == pytest.approx(ranks)
    assert list(found.mean_ranks) == sorted(names, key=lambda name: found.mean_ranks[name])
    size, sets = len(names), len(scores)
    if sets < 2 or size < 3:
        assert (found.friedman_p, found.critical_difference) == (None, None)
    else:
        expected = NEMENYI[size] * math.sqrt(size * (size + 1) / (6 * sets))
        assert found.critical_difference == pytest.approx(expected, rel=1e-3)
        assert (found.friedman_p == 1.0) == (len(set(ranks.values())) == 1)


def test_friedmans_test_is_that_of_its_formula() -> None:
    """Chi-squared with two degrees of freedom, whose tail is exp(-x / 2)."""
    scores = np.array([[3, 2, 1], [3, 1, 2], [3, 2, 1], [2, 3, 1]], dtype=np.float64)
    found = rank(scores, ["a", "b", "c"])
    spread = sum((mean - 2) ** 2 for mean in found.mean_ranks.values())
    assert found.friedman_p == pytest.approx(math.exp(-12 * 4 / (3 * 4) * spread / 2))


@given(
    ranks=st.lists(st.floats(1, 9), min_size=1, max_size=7).map(sorted),
    difference=st.none() | st.floats(0, 6),
)
def test_groups_are_the_largest_without_a_difference(ranks: list[float], difference: float | None) -> None:
    """Of two learners or more, none within another."""
    names = [f"l{at}" for at in range(len(ranks))]
    near = [
        (first, last)
        for first, last in itertools.combinations(range(len(ranks)), 2)
        if ranks[last] - ranks[first] <= (difference or 0.0)
    ]
    largest = [one for one in near if not any(o != one and o[0] <= one[0] and one[1] <= o[1] for o in near)]
    found = Ranking(dict(zip(names, ranks, strict=True)), 3, None, difference).cliques()
    assert found == [(names[first], names[last]) for first, last in largest]
