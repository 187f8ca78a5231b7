"""Decoders: whatever the probabilities, no label is predicted without all that lies above it."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.coherence import LevelThresholds, coherent, likeliest_paths, top_down
from learners.labels import Ids
from learners.taxonomy import NONE, Taxonomy

TREE = Taxonomy(["a/x/1", "a/x/2", "a/y", "b/z", "c"])
TREE.retire("a/y")
SHAPE = TREE.shape()
PROBABILITIES = st.lists(st.floats(0.0, 1.0, width=32), min_size=len(TREE), max_size=len(TREE)).map(
    lambda values: np.array(values, dtype=np.float32)
)


def closed(labels: Ids) -> bool:
    """Return whether labels are live and hold their ancestors."""
    return all(SHAPE.live[label] for label in labels.tolist()) and all(
        set(TREE.ancestors(label)) <= set(labels.tolist()) for label in labels.tolist()
    )


@given(PROBABILITIES)
def test_no_child_is_likelier_than_its_parent(scores: np.ndarray) -> None:
    """Coherent probabilities fall from parent to child, never rise, and are 0 for what is gone."""
    bounded = coherent(scores, SHAPE)
    below = SHAPE.parents != NONE
    assert (bounded[below] <= bounded[SHAPE.parents[below]]).all()
    assert (bounded <= scores).all()
    assert (bounded[~SHAPE.live] == 0).all()
    assert closed(top_down(scores, SHAPE))


@given(PROBABILITIES)
def test_likeliest_paths_beat_every_other_closed_set(scores: np.ndarray) -> None:
    """The dynamic programme finds what trying all label-sets finds."""
    live = np.flatnonzero(SHAPE.live)
    p = np.clip(scores.astype(float), 1e-6, 1 - 1e-6)
    odds = np.log(p / (1 - p))
    sets = (
        np.array(some, dtype=np.intp)
        for size in range(len(live) + 1)
        for some in itertools.combinations(live.tolist(), size)
    )
    best = max(odds[labels].sum() for labels in sets if closed(labels))
    chosen = likeliest_paths(scores, SHAPE)
    assert closed(chosen)
    np.testing.assert_allclose(odds[chosen].sum(), best, atol=1e-9)


@given(st.lists(st.tuples(PROBABILITIES, st.sampled_from(["a/x/1", "a/x", "b", "c"])), max_size=8))
def test_thresholds_choose_closed_sets_whatever_they_have_learned(
    messages: list[tuple[np.ndarray, str]],
) -> None:
    """A level's threshold may be lower than its parents': children still come with them."""
    thresholds = LevelThresholds()
    for scores, label in messages:
        bounded = coherent(scores, SHAPE)
        before = thresholds.state()["earned"].copy()
        assert closed(thresholds.decide(bounded, SHAPE))
        np.testing.assert_array_equal(thresholds.state()["earned"], before)
        thresholds.learn(bounded, SHAPE, TREE.targets([label]))


def test_thresholds_follow_what_earns_f1() -> None:
    """Where labels at 0.2 turn out true, 0.2 becomes enough; where they do not, it stops to be."""
    tree, thresholds = Taxonomy(["a", "b"]), LevelThresholds(keep=0.95)
    scores = np.array([0.55, 0.2], dtype=np.float32)
    for truth in (["a", "b"], ["a"]):
        for _ in range(100):
            thresholds.learn(scores, tree.shape(), tree.targets(truth))
        assert tree.names(thresholds.decide(scores, tree.shape())) == truth


def test_unknown_labels_do_not_move_thresholds() -> None:
    """A message labelled above the leaves says nothing of whether a leaf was rightly predicted."""
    tree, thresholds = Taxonomy(["a/x", "b"]), LevelThresholds()
    scores = np.array([0.9, 0.4, 0.0], dtype=np.float32)
    for _ in range(50):
        thresholds.learn(scores, tree.shape(), tree.targets(["a/x"]))
    chosen = thresholds.decide(scores, tree.shape()).tolist()
    for _ in range(500):
        thresholds.learn(scores, tree.shape(), tree.targets(["a"]))
    assert thresholds.decide(scores, tree.shape()).tolist() == chosen == [0, 1]
