"""Means of blocks: equal to plain ones, and what a watcher is shown of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.statistics import blocks
from drift.statistics.blocks import BlockMeans
from tests.drift.statistics.plain_blocks import PlainBlocks


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    figures=st.integers(1, 5),
    moves=st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=3),
    alpha=st.sampled_from([0.01, 0.3]),
)
def test_blocks_equal_the_plain_ones(seed: int, figures: int, moves: list[float], alpha: float) -> None:
    """Same changes, same figures, and the same to be watched."""
    draw, test, plain = np.random.default_rng(seed), BlockMeans(alpha), PlainBlocks(alpha)
    scales = draw.uniform(0.2, 2.0, figures)
    assert test.watched == (0.0, 0.0)
    for n in range(150):
        block = draw.normal(moves[n // 50], scales)
        found, expected = test.update(block), plain.update(block)
        assert (found and found[2:4]) == (expected and expected[:2]), f"at {n}"
        if found and expected:
            assert (found.distance, found.p) == pytest.approx(expected[2:], rel=1e-6)
            assert (
                found.threshold < found.distance == pytest.approx(np.sum((found.after - found.before) ** 2))
            )
        assert test.watched == pytest.approx(plain.watched, rel=1e-6)
        np.testing.assert_allclose(test.past, np.mean(plain.blocks, axis=0))


def test_the_past_follows_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has its most blocks, each weighs a little less than the one after it."""
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 20)
    test, weights, seen = BlockMeans(1e-9), np.zeros(0), []
    for block in np.random.default_rng(0).normal(size=(60, 2)):
        assert test.update(block) is None
        seen.append(block)
        weights = np.append(weights * (0.95 if len(seen) > 20 else 1.0), 1.0)
        np.testing.assert_allclose(test.past, np.average(seen, axis=0, weights=weights))


def test_a_longer_block_has_figures_that_were_zero() -> None:
    """Blocks may grow at any time, and as if they had been as long from the beginning."""
    draw = np.random.default_rng(1)
    grown, padded = BlockMeans(0.05), BlockMeans(0.05)
    for n in range(80):
        block = draw.normal(size=5) + (n >= 60)
        short = block[: 3 if n < 30 else 5]
        found, expected = grown.update(short), padded.update(np.pad(short, (0, 5 - len(short))))
        assert (found is None) == (expected is None)
        if n >= 30:
            np.testing.assert_allclose(grown.past, padded.past)
            assert grown.watched == pytest.approx(padded.watched)


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 79), size=st.sampled_from([1e3, 1e6, 1e38]), seed=st.integers(0, 4))
def test_no_block_hides_a_later_change(place: int, size: float, seed: int) -> None:
    """A wild one is a change at most once, and 40 blocks after it a move is found at once."""
    draw, test = np.random.default_rng(seed), BlockMeans(1e-3)
    found = []
    for n in range(123):
        block = np.full(10, size) if n == place else draw.normal(3.0 * (n >= 120), 1.0, size=10)
        found += [n] if test.update(block) is not None else []
    assert [n >= 120 for n in found] in ([True], [False, True])
