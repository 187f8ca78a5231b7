"""Pair counts against a dense matrix, and their memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.cooccurrence import RESCALE, Cooccurrence

LABELS = 8
streams = st.lists(st.sets(st.integers(0, LABELS - 1), max_size=5), max_size=60)


def dense(messages: list[set[int]], half_life: float) -> tuple[np.ndarray, float]:
    """Count plainly: decay everything, then add one."""
    counts, total, keep = np.zeros((LABELS, LABELS)), 0.0, 0.5 ** (1 / half_life)
    for message in messages:
        counts *= keep
        total = total * keep + 1
        labels = sorted(message)
        counts[np.ix_(labels, labels)] += 1
    return counts, total


@given(streams, st.sampled_from([1.0, 3.0, 50.0, 1e6]))
def test_equals_a_dense_matrix(messages: list[set[int]], half_life: float) -> None:
    """Equals a dense matrix."""
    counts = Cooccurrence(half_life)
    for message in messages:
        counts.add(sorted(message))
    expected, total = dense(messages, half_life)
    assert counts.total == pytest.approx(total, rel=1e-9)
    for a in range(LABELS):
        assert counts.count(a) == pytest.approx(expected[a, a], rel=1e-9)
        for b in range(LABELS):
            if a != b:
                assert counts.together(a, b) == pytest.approx(expected[a, b], rel=1e-9)


@given(streams)
def test_similarities_are_symmetric_and_bounded(messages: list[set[int]]) -> None:
    """Similarities are symmetric and bounded."""
    counts = Cooccurrence()
    for message in messages:
        counts.add(sorted(message))
    alike = counts.similarities(list(range(LABELS)), list(range(LABELS)))
    assert np.all((alike >= 0) & (alike <= 1))
    np.testing.assert_allclose(alike, alike.T, atol=1e-12)


def test_independent_labels_are_not_alike_however_frequent() -> None:
    """Independent labels are not alike however frequent."""
    rng = np.random.default_rng(0)
    counts = Cooccurrence()
    for row in rng.random((5000, 2)) < 0.5:
        counts.add(np.flatnonzero(row).tolist())
    assert counts.jaccard(0, 1) > 0.3
    assert counts.similarities([0], [1])[0, 0] < 0.03


def test_counts_survive_being_brought_down() -> None:
    """Counts survive being brought down."""
    counts = Cooccurrence(half_life=1.0)
    for _ in range(2 * int(np.log2(RESCALE))):
        counts.add([0, 1])
    assert counts.count(0) == pytest.approx(2.0)
    assert counts.together(0, 1) == pytest.approx(2.0)


def test_pairs_that_faded_are_forgotten() -> None:
    """Pairs that faded are forgotten."""
    counts = Cooccurrence(half_life=10.0)
    for n in range(20_000):
        counts.add([2 * n, 2 * n + 1])
    assert counts.pairs < 3000


@settings(max_examples=25)
@given(streams, streams)
def test_state_round_trip(before: list[set[int]], after: list[set[int]]) -> None:
    """State round trip."""
    one, other = Cooccurrence(5.0), Cooccurrence(5.0)
    for message in before:
        one.add(sorted(message))
    other.load_state(one.state())
    for message in after:
        one.add(sorted(message))
        other.add(sorted(message))
    labels = list(range(LABELS))
    np.testing.assert_array_equal(one.similarities(labels, labels), other.similarities(labels, labels))
