"""Where a cluster divides, against a plain comparison of the sides of every merge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import comb

from drift.core import Floats, Ids
from learners.cluster.comparison import comparison
from learners.cluster.division import division, log_choices, most_evidence, summaries
from learners.cluster.linkage import average_linkage
from tests.learners.cluster.test_comparison import two_groups


@pytest.mark.parametrize(("size", "chosen"), [(5, 0), (5, 2), (9, 9), (30, 7)])
def test_choices(size: int, chosen: int) -> None:
    """Against scipy's."""
    assert np.exp(log_choices(size, chosen)) == pytest.approx(comb(size, chosen))


def random_labels(drawn: int, size: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return similarities, counts, frequencies and similarities outside of some labels."""
    draw = np.random.default_rng(drawn)
    alike = draw.uniform(-0.2, 1.0, (size, size)) ** 3
    counts = draw.uniform(0, 500, size) * draw.integers(0, 2, size)
    return (alike + alike.T) / 2, counts, draw.uniform(0, 0.2, size), draw.uniform(0, 1, size)


def groups_of(merges: Ids) -> list[tuple[Ids, Ids]]:
    """Return the labels of the two groups that each merge joins."""
    members, sides = {label: [label] for label in range(len(merges) + 1)}, []
    for one, other in merges.tolist():
        sides.append((np.array(sorted(members[one])), np.array(sorted(members[other]))))
        members[one] += members.pop(other)
    return sides


@given(drawn=st.integers(0, 10**6), size=st.integers(2, 12), linkage=st.floats(0.05, 0.6))
def test_no_evidence_for_a_difference_is_above_its_bound(drawn: int, size: int, linkage: float) -> None:
    """Whatever is alike, and how often the labels occurred."""
    alike, counts, frequency, outside = random_labels(drawn, size)
    merges, _ = average_linkage(alike, counts)
    for sides, (one, other) in zip(
        summaries(merges, alike, counts, frequency, outside), groups_of(merges), strict=True
    ):
        less = comparison(alike, counts, frequency, outside, one, other, linkage)[2]
        assert less <= most_evidence(sides[0], sides[1], linkage)


@given(
    drawn=st.integers(0, 10**6),
    size=st.integers(1, 12),
    linkage=st.floats(0.05, 0.6),
    least=st.floats(0.0, 200.0),
)
def test_a_division_is_that_of_all_merges_compared(
    drawn: int, size: int, linkage: float, least: float
) -> None:
    """Those that are passed over for their bound would not have been undone."""
    alike, counts, frequency, outside = random_labels(drawn, size)
    part, why = np.zeros(size, dtype=np.intp), [(0.0, 0.0)]
    for one, other in reversed(groups_of(average_linkage(alike, counts)[0])):
        leaving = one if len(one) < len(other) else other
        between, asked, less, _ = comparison(alike, counts, frequency, outside, one, other, linkage)
        if less >= least + log_choices(size, len(leaving)):
            part[leaving] = len(why)
            why.append((between, asked))
    found, decided = division(alike, counts, frequency, outside, linkage, least)
    assert found.tolist() == part.tolist()
    assert decided.tolist() == [list(each) for each in why]


@pytest.mark.parametrize("sizes", [(2, 4), (4, 2)])
def test_the_smaller_side_leaves_and_the_larger_one_stays(sizes: tuple[int, int]) -> None:
    """With what was compared; and none leaves where the evidence does not cover all ways to choose a side."""
    alike, rare, none = two_groups(sizes, 0.6, 0.01), np.full(6, 0.01), np.zeros(6)
    counts = np.full(6, 200.0)
    part, why = division(alike, counts, rare, none, 0.3, 10.0)
    leaving = np.repeat([0, 1] if sizes[1] < sizes[0] else [1, 0], sizes)
    np.testing.assert_array_equal(part, leaving)
    assert why[1] == pytest.approx([0.01, 0.18], abs=1e-6)
    one, other = np.flatnonzero(leaving == 0), np.flatnonzero(leaving)
    less = comparison(alike, counts, rare, none, one, other, 0.3)[2]
    needed = less - np.log(15)
    assert division(alike, counts, rare, none, 0.3, needed - 1e-6)[0].any()
    assert not division(alike, counts, rare, none, 0.3, needed + 1e-6)[0].any()


def test_three_groups_are_three_parts() -> None:
    """Each merge is undone by itself."""
    group = np.repeat([0, 1, 2], [4, 3, 2])
    alike = np.where(group[:, None] == group, 0.7, 0.02)
    np.fill_diagonal(alike, 1.0)
    part, why = division(alike, np.full(9, 300.0), np.full(9, 0.01), np.zeros(9), 0.3, 10.0)
    assert len(why) == 3
    assert sorted(np.bincount(part).tolist()) == [2, 3, 4]
    assert len({(int(a), int(b)) for a, b in zip(group, part, strict=True)}) == 3
