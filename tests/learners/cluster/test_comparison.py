"""Two groups of labels compared, against plain computations over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

from drift.core import Floats
from learners.cluster.comparison import (
    comparison,
    difference,
    evidence,
    mean_similarity,
    messages_behind,
    sample_of_pairs,
)


def similarities(size: int, seed: int, low: float = 0.0) -> Floats:
    """Return a symmetric matrix of similarities, 1 on the diagonal."""
    drawn = np.random.default_rng(seed).uniform(low, 1.0, (size, size))
    alike = np.triu(drawn, 1) + np.triu(drawn, 1).T
    np.fill_diagonal(alike, 1.0)
    return alike


def plain_evidence(sample: float, seen: float, supposed: float, chance: float) -> float:
    """Return sample size times relative entropy, of shares from which chance is not taken off."""
    share, expected = chance + (1 - chance) * np.array([seen, supposed])
    either = 2 * sample / (1 + share)
    return float(either * rel_entr([share, 1 - share], [expected, 1 - expected]).sum())


@pytest.mark.parametrize("seen", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("chance", [0.0, 0.3])
def test_evidence_is_relative_entropy(seen: float, chance: float) -> None:
    """On both sides of what is supposed; none without messages."""
    assert evidence(70.0, seen, 0.4, chance) == pytest.approx(plain_evidence(70, seen, 0.4, chance))
    assert evidence(0.0, seen, 0.4, chance) == 0.0 < evidence(0.5, seen, 0.4, chance)
    assert evidence(70.0, -0.5, 0.4, 0.0) == evidence(70.0, 0.0, 0.4, 0.0)


def test_evidence_against_the_impossible_is_finite() -> None:
    """Similarities of 0 and 1 are supposed with a margin of a billionth."""
    assert evidence(10.0, 0.5, 0.0, 0.0) == pytest.approx(plain_evidence(10, 0.5, 1e-9, 0.0))
    assert evidence(10.0, 0.5, 1.0, 0.0) == pytest.approx(plain_evidence(10, 0.5, 1 - 1e-9, 0.0))


def plain_behind(alike: Floats, counts: Floats, group: list[int]) -> float:
    """Return each label's messages over the number of labels that come with one of them on average."""
    total = 0.0
    for i in group:
        met = [
            alike[i, j] * (counts[i] + counts[j]) / (1 + alike[i, j])
            for j in group
            if j != i and alike[i, j] > 0
        ]
        total += counts[i] / (1 + sum(min(1.0, each / counts[i]) for each in met))
    return total


@pytest.mark.parametrize("seed", range(5))
def test_samples_and_means_of_groups(seed: int) -> None:
    """Also of similarities below 0, and of labels that are rarer than what they come with."""
    alike = similarities(6, seed, low=-0.5)
    counts = np.random.default_rng(seed).integers(1, 40, 6).astype(float)
    one, other = np.array([0, 3, 4]), np.array([1, 2])
    weights = np.minimum.outer(counts[one], counts[other])
    means = mean_similarity(alike, counts, one, other)
    assert means == pytest.approx(np.average(alike[np.ix_(one, other)], weights=weights))
    pairs = [(0, 3), (0, 4), (3, 4)]
    cohesion = np.average(
        [alike[pair] for pair in pairs], weights=[min(counts[list(pair)]) for pair in pairs]
    )
    assert mean_similarity(alike, counts, one, one) == pytest.approx(cohesion)
    assert mean_similarity(alike, counts, one[:1], one[:1]) == -1.0
    assert messages_behind(alike, counts, one) == pytest.approx(plain_behind(alike, counts, [0, 3, 4]))
    first, second = counts[one].mean(), counts[other].mean()
    effective = plain_behind(alike, counts, [0, 3, 4]) / first * plain_behind(alike, counts, [1, 2]) / second
    assert sample_of_pairs(alike, counts, one, other) == pytest.approx(min(first, second) * effective)
    for group in (one, other):
        silent = counts.copy()
        silent[group] = 0.0
        assert sample_of_pairs(alike, silent, one, other) == 0.0


@pytest.mark.parametrize("share", [0.2, 0.6])
@pytest.mark.parametrize(("seen", "seen_of"), [(0.1, 0.5), (0.45, 0.5)])
def test_the_difference_is_the_least_joint_evidence(seen: float, seen_of: float, share: float) -> None:
    """Against scipy's search."""

    def joint(value: float) -> float:
        return evidence(300.0, seen, value, 0.1) + evidence(80.0, seen_of, value / share, 0.05)

    least = minimize_scalar(joint, bounds=(1e-6, share), method="bounded", options={"xatol": 1e-9}).fun
    found = difference(300.0, seen, 0.1, 80.0, seen_of, 0.05, share)
    assert found == pytest.approx(least, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("enough", [0.5, 3.0, 10.0, 1000.0])
@pytest.mark.parametrize(("seen", "seen_of"), [(0.1, 0.5), (0.45, 0.5), (0.3, 0.5)])
def test_too_little_evidence_is_not_searched_for_its_least(
    seen: float, seen_of: float, enough: float
) -> None:
    """What is enough is exact, and what is not is not enough."""
    arguments = 300.0, seen, 0.1, 80.0, seen_of, 0.05, 0.4
    least, found = difference(*arguments), difference(*arguments, enough)
    assert found == least if least >= enough else found < enough


def two_groups(sizes: tuple[int, int], inside: float, between: float) -> Floats:
    """Return the similarities of two groups, the labels of the first first."""
    group = np.repeat([0, 1], sizes)
    alike = np.where(group[:, None] == group, inside, between)
    np.fill_diagonal(alike, 1.0)
    return alike


@pytest.mark.parametrize(
    ("between", "above", "below"), [(0.01, False, True), (0.2, False, False), (0.5, True, False)]
)
def test_a_comparison_says_below_or_above_or_neither(between: float, above: bool, below: bool) -> None:
    """Above the threshold times 1.5, below the threshold, or in between; its threshold is the largest."""
    alike, counts, rare = two_groups((3, 2), 0.5, between), np.full(5, 100.0), np.full(5, 0.01)
    outside = np.array([0.1, 0.1, 0.1, 0.2, 0.2])
    similarity, threshold, less, more = comparison(
        alike, counts, rare, outside, np.arange(3), np.arange(3, 5), 0.3
    )
    assert similarity == pytest.approx(between)
    assert threshold == pytest.approx(0.15)
    assert (less > 0, more > 0) == (below, above)


def test_two_single_labels_merge_above_a_similarity() -> None:
    """They have no cohesion to compare with."""
    counts, rare, none = np.full(2, 100.0), np.full(2, 0.01), np.zeros(2)
    results = {}
    for alike in (0.012, 0.5):
        results[alike] = comparison(
            two_groups((1, 1), 0.0, alike), counts, rare, none, np.array([0]), np.array([1]), 0.3
        )
    assert results[0.012][1:] == (0.01, 0.0, 0.0)
    assert results[0.5][1:3] == (0.01, 0.0)
    assert results[0.5][3] > 0
