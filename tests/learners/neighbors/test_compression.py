"""Half as many messages of each label-set: cluster centres."""

from __future__ import annotations

import numpy as np
import pytest

from learners.core.labels import Targets
from learners.neighbors.compression import compressed
from tests.learners.streams import only


def test_each_label_set_is_halved_and_its_centres_are_means() -> None:
    """Of two tight groups of points the centres are the groups' means, in the features' own scale."""
    generator = np.random.default_rng(0)
    groups = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1.0], [1000.0, 1.0]])
    points = np.repeat(groups, 2, axis=0) + generator.normal(0.0, 1e-3, (8, 2)) * [1000.0, 1.0]
    vectors = np.concatenate([points, points + np.array([500.0, 0.0])]).T.astype(np.float32)
    targets = [only(1)] * 8 + [only(0, 1)] * 8
    spread = np.array([1500.0, 1.0], dtype=np.float32)
    found, kept = compressed(vectors, targets, spread, seed=1)
    assert [each.positive.tolist() for each in kept] == [[1]] * 4 + [[0, 1]] * 4
    means = np.array([vectors[:, pair : pair + 2].mean(axis=1) for pair in range(0, 8, 2)])
    for centres, shift in ((found[:, :4].T, 0.0), (found[:, 4:].T, 500.0)):
        expected = means + np.array([shift, 0.0])
        assert all(np.abs(expected - centre).max(axis=1).min() < 0.01 for centre in centres)
        assert len(np.unique(centres.round(), axis=0)) == 4


def test_what_is_unknown_makes_another_label_set() -> None:
    """Messages that name the same labels and leave others open are no messages of complete labels."""
    partial = Targets(np.array([0]), np.array([], dtype=np.intp))
    vectors = np.array([[1.0, 1.0, 3.0]], dtype=np.float32)
    found, kept = compressed(vectors, [only(0), partial, partial], np.ones(1, dtype=np.float32), 0)
    assert [each.complete for each in kept] == [True, False]
    assert found.tolist() == [[1.0, 2.0]]


def test_equal_messages_become_one() -> None:
    """There is nothing to draw a second centre from; a feature that never varied is left as it is."""
    vectors = np.full((2, 6), 7.0, dtype=np.float32)
    found, kept = compressed(vectors, [only(0)] * 6, np.zeros(2, dtype=np.float32), 0)
    assert found.tolist() == [[7.0], [7.0]]
    assert len(kept) == 1


@pytest.mark.parametrize("seed", range(5))
def test_each_centre_is_the_mean_of_the_points_that_are_nearest_to_it(seed: int) -> None:
    """Where k-means stops, also of points in no groups."""
    points = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    found, _ = compressed(points.T.copy(), [only(0)] * 40, np.ones(3, dtype=np.float32), seed)
    owner = ((points[:, None] - found.T[None]) ** 2).sum(axis=2).argmin(axis=1)
    means = [points[owner == centre].mean(axis=0) for centre in range(found.shape[1])]
    np.testing.assert_allclose(found.T, means, atol=1e-5)
