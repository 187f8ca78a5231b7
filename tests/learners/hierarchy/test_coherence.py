"""Decoders: whatever the probabilities, no label is predicted without all that lies above it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Ids
from learners.core.labels import Targets
from learners.ensemble import LEAST_PREDICTED
from learners.hierarchy.coherence import (
    GRID,
    START,
    LevelThresholds,
    chained,
    chosen,
    coherent,
    conditional,
    exclusive,
    likeliest_paths,
    top_down,
)
from learners.hierarchy.paths import NONE, Shape
from learners.hierarchy.taxonomy import Taxonomy

TREE = Taxonomy(["a/x/1", "a/x/2", "a/y", "b/z", "c"])
TREE.retire("a/y")
SHAPE = TREE.shape()
NOTHING = np.zeros(0, dtype=np.intp)
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


def test_a_certain_child_of_an_impossible_parent_is_a_draw() -> None:
    """Neither certainty is without bound: one outweighs the other, and what has no advantage is left out."""
    scores = np.zeros(len(TREE), dtype=np.float32)
    scores[TREE.names().index("b/z")] = 1.0
    assert not likeliest_paths(scores, SHAPE).size


@given(PROBABILITIES)
def test_products_along_paths_fall_from_parent_to_child(conditional: np.ndarray) -> None:
    """A chained probability is that of the parent times the label's own."""
    product = chained(conditional, SHAPE)
    for label in np.flatnonzero(SHAPE.live).tolist():
        line = conditional[TREE.ancestors(label)].astype(float)
        np.testing.assert_allclose(product[label], line.prod(), atol=1e-6)


@given(PROBABILITIES)
def test_what_is_chained_is_undone(ratios: np.ndarray) -> None:
    """As far as single precision goes: below a parent that is hardly possible nothing can be told apart."""
    product = chained(ratios, SHAPE)
    undone = conditional(product, SHAPE)
    assert (undone <= 1.0).all()
    for label in np.flatnonzero(SHAPE.live).tolist():
        parent = SHAPE.parents[label]
        if parent == NONE or product[parent] > 1e-3:
            assert undone[label] == pytest.approx(ratios[label], abs=1e-4)


def test_a_child_that_is_likelier_than_its_parent_is_certain_below_it() -> None:
    """No conditional probability is above 1."""
    scores = np.full(len(TREE), 0.5, dtype=np.float32)
    scores[TREE.names().index("b")] = 0.25
    assert conditional(scores, SHAPE)[TREE.names().index("b/z")] == 1.0


@given(PROBABILITIES)
def test_exclusive_siblings_share_their_parent(scores: np.ndarray) -> None:
    """Under each parent shares go by the odds and sum to 1; what is gone has none."""
    shares = exclusive(scores, SHAPE).astype(float)
    likely = np.clip(scores.astype(float), 0.002, 0.998)
    odds = likely / (1.0 - likely)
    for parent in (NONE, *np.flatnonzero(SHAPE.live).tolist()):
        children = np.flatnonzero(SHAPE.live & (SHAPE.parents == parent))
        if len(children):
            np.testing.assert_allclose(shares[children], odds[children] / odds[children].sum(), atol=1e-5)
    assert (shares[~SHAPE.live] == 0).all()


PROPOSALS = st.sets(st.integers(0, len(TREE) - 1)).map(lambda labels: np.array(sorted(labels), dtype=np.intp))


@given(st.lists(st.tuples(PROBABILITIES, PROPOSALS, st.sampled_from(["a/x/1", "a/x", "b", "c"])), max_size=8))
def test_thresholds_choose_closed_sets_whatever_they_have_learned(
    messages: list[tuple[np.ndarray, Ids, str]],
) -> None:
    """A level's threshold may be lower than its parents', a proposal open or of labels that are gone."""
    thresholds = LevelThresholds()
    for scores, proposed, label in messages:
        bounded = coherent(scores, SHAPE)
        before = thresholds.state()["earned"].copy()
        assert closed(decide(thresholds, bounded, SHAPE, proposed))
        np.testing.assert_array_equal(thresholds.state()["earned"], before)
        learn(thresholds, bounded, SHAPE, proposed, TREE.targets([label]))


def decide(thresholds: LevelThresholds, scores: np.ndarray, shape: Shape, proposed: Ids) -> Ids:
    """Return the labels that are chosen for a message."""
    return chosen(thresholds.walk(scores, shape, proposed))


def learn(
    thresholds: LevelThresholds, scores: np.ndarray, shape: Shape, proposed: Ids, targets: Targets
) -> None:
    """Predict a message and learn from its labels."""
    thresholds.learn(thresholds.walk(scores, shape, proposed), shape, targets)


def test_thresholds_follow_what_earns_f1() -> None:
    """Where labels at 0.2 turn out true, 0.2 becomes enough; where they do not, it stops to be."""
    tree, thresholds = Taxonomy(["a", "b"]), LevelThresholds(keep=0.95)
    scores = np.array([0.55, 0.2], dtype=np.float32)
    for truth in (["a", "b"], ["a"]):
        for _ in range(100):
            learn(thresholds, scores, tree.shape(), NOTHING, tree.targets(truth))
        assert tree.names(decide(thresholds, scores, tree.shape(), NOTHING)) == truth


def test_a_threshold_is_preferred_to_itself_with_children_added() -> None:
    """Until what is added has earned more; of all, that at 0.4 comes first, and F1 falls on either side."""
    f1 = START[:, 0] / START[:, 1]
    plain, added = f1[: len(GRID)], f1[len(GRID) : -1]
    assert f1.max() == f1[int(np.abs(GRID - 0.4).argmin())] == 0.5
    np.testing.assert_allclose(plain - added, 0.01, atol=1e-6)
    np.testing.assert_allclose(plain, 0.5 - 0.1 * np.abs(GRID - 0.4), atol=1e-6)
    assert (START[:, 1] == 4).all()
    assert f1[-1] < 0.5


def test_unknown_labels_do_not_move_thresholds() -> None:
    """A message labelled above the leaves says nothing of whether a leaf was rightly predicted."""
    tree, thresholds = Taxonomy(["a/x", "b"]), LevelThresholds()
    scores = np.array([0.9, 0.4, 0.0], dtype=np.float32)
    for _ in range(50):
        learn(thresholds, scores, tree.shape(), NOTHING, tree.targets(["a/x"]))
    before = decide(thresholds, scores, tree.shape(), NOTHING).tolist()
    for _ in range(500):
        learn(thresholds, scores, tree.shape(), NOTHING, tree.targets(["a"]))
    assert decide(thresholds, scores, tree.shape(), NOTHING).tolist() == before == [0, 1]


def test_a_proposal_that_is_right_is_taken_and_one_that_is_wrong_is_not() -> None:
    """Another decision's labels win where they earn more than any threshold, with all above them."""
    tree, thresholds = Taxonomy(["a/x", "b"]), LevelThresholds(keep=0.95)
    scores = np.array([0.3, 0.02, 0.3], dtype=np.float32)
    proposed = tree.ids(["a/x"])
    for truth in (["a/x"], ["b"]):
        for _ in range(100):
            learn(thresholds, scores, tree.shape(), proposed, tree.targets(truth))
        taken = decide(thresholds, scores, tree.shape(), proposed)
        assert (taken.tolist() == tree.targets(truth).positive.tolist()) == (truth == ["a/x"])
        assert (proposed[0] in taken) == (truth == ["a/x"])


def test_a_level_takes_the_threshold_that_serves_it_and_all_levels_together() -> None:
    """A poor deep level under a good upper one asks more of its labels than its own F1 alone would."""
    tree = Taxonomy(["a/x", "a/y"])
    thresholds = LevelThresholds()
    draw = np.random.default_rng(0)
    for _ in range(2000):
        p = draw.uniform(0.05, 0.6)
        truth = ["a/x"] if draw.random() < p else ["a/y"]
        scores = np.array([0.99, p, 0.0], dtype=np.float32)
        learn(thresholds, scores, tree.shape(), NOTHING, tree.targets(truth))
    earned = thresholds.state()["earned"][1]
    alone = GRID[int((earned[: len(GRID), 0] / earned[: len(GRID), 1]).argmax())]
    lowest = min(
        p
        for p in GRID
        if 1 in decide(thresholds, np.array([0.99, p, 0.0], np.float32), tree.shape(), NOTHING)
    )
    assert lowest >= alone


class PlainThresholds:
    """The same with sets of labels, each candidate's counts as a pair of numbers."""

    def __init__(self, keep: float) -> None:
        self.keep = keep
        self.earned = [START.copy() for _ in SHAPE.levels]
        self.overall = START.max(axis=0)

    def candidates(self, reached: list[int], scores: np.ndarray, suggested: set[int]) -> list[set[int]]:
        """Return the labels that each candidate chooses of those reached."""
        passing = [{label for label in reached if scores[label] >= least} for least in GRID]
        best: dict[int, int] = {}
        for label in reached:
            parent = int(SHAPE.parents[label])
            if parent not in best or scores[label] > scores[best[parent]]:
                best[parent] = label
        return [*passing, *(each | set(best.values()) for each in passing), suggested & set(reached)]

    def walk(self, scores: np.ndarray, proposed: Ids) -> list[tuple[list[set[int]], int]]:
        """Return the candidates of each level that is reached, and which of them is chosen."""
        live = [label for label in proposed.tolist() if SHAPE.live[label]]
        suggested = {each for label in live for each in TREE.ancestors(label)}
        chosen, walked = {NONE}, []
        for level, labels in enumerate(SHAPE.levels):
            below = [label for label in labels.tolist() if SHAPE.parents[label] in chosen]
            reached = [label for label in below if scores[label] >= LEAST_PREDICTED or label in suggested]
            if not reached:
                break
            hits, counts = self.earned[level].T
            own = int((hits / counts).argmax())
            mine, all_of = hits[own] / counts[own], self.overall[0] / self.overall[1]
            # Each F1 weighs as much as one more label changes it.
            price = (mine / counts[own] + all_of / self.overall[1]) / (1 / counts[own] + 1 / self.overall[1])
            walked.append(
                (self.candidates(reached, scores, suggested), int((hits - price * counts).argmax()))
            )
            chosen |= walked[-1][0][walked[-1][1]]
        return walked

    def learn(self, scores: np.ndarray, proposed: Ids, targets: Targets) -> None:
        """Count what each candidate would have scored on the known labels."""
        true, unknown = set(targets.positive.tolist()), targets.unknown(len(scores))
        walked = self.walk(scores, proposed)
        self.earned = [self.keep * each for each in self.earned]
        self.overall = self.keep * self.overall
        for level, labels in enumerate(SHAPE.levels):
            candidates, best = walked[level] if level < len(walked) else ([set[int]()] * len(START), 0)
            known = [{label for label in each if not unknown[label]} for each in candidates]
            there = len(true & set(labels.tolist()))
            earned = np.array([[2 * len(each & true), len(each) + there] for each in known])
            self.earned[level] = self.earned[level] + earned
            self.overall = self.overall + earned[best]


@pytest.mark.parametrize("seed", range(3))
def test_thresholds_equal_plain_ones(seed: int) -> None:
    """What is chosen, and every count, while proposals and thresholds are right in turn."""
    draw, thresholds, plain = np.random.default_rng(seed), LevelThresholds(0.95), PlainThresholds(0.95)
    for message in range(120):
        scores = coherent(draw.random(len(TREE)).astype(np.float32) ** (1 + message // 40), SHAPE)
        truth = draw.choice(["a/x/1", "a/x", "b/z", "c"], size=2)
        proposed = (
            TREE.targets(truth.tolist()).positive if message % 60 < 30 else draw.integers(0, len(TREE), 2)
        )
        walked = plain.walk(scores, proposed)
        expected = sorted(label for candidates, best in walked for label in candidates[best])
        assert decide(thresholds, scores, SHAPE, proposed).tolist() == expected
        learn(thresholds, scores, SHAPE, proposed, TREE.targets(truth.tolist()))
        plain.learn(scores, proposed, TREE.targets(truth.tolist()))
    state = thresholds.state()
    np.testing.assert_allclose(state["earned"], plain.earned)
    np.testing.assert_allclose(state["chosen"], plain.overall)
