"""The multi-label tree: it splits where it should, regrows where the stream drifts, and stays bounded."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.core import Floats
from learners.core.labels import Targets
from learners.core.structure import Change
from learners.tree.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from learners.tree.leaves import Leaf
from learners.tree.subtrees import ADVANTAGE_DECAY, TRIAL_MESSAGES, VERDICT_ERROR, Alternate, Branch
from tests.learners.checks import size_of
from tests.learners.streams import PLANTED, Message, learn_all, subset_accuracy, threshold_stream

FEATURES, LABELS = 20, 30


def planted(messages: int, seed: int = 0, shift: int = 0) -> list[Message]:
    """Return a planted stream of moderate size."""
    return threshold_stream(messages, FEATURES, LABELS, seed, shift)


def splits(node: dict[str, Any]) -> list[tuple[int, float]]:
    """Return feature and threshold of all branches of a state, uppermost first, without alternates'."""
    if "leaf" in node:
        return []
    return [(node["feature"], node["threshold"]), *splits(node["left"]), *splits(node["right"])]


def leaf_numbers(node: dict[str, Any]) -> list[int]:
    """Return the numbers of the leaves of a state, without alternates'."""
    if "leaf" in node:
        return [node["leaf"]["number"]]
    return leaf_numbers(node["left"]) + leaf_numbers(node["right"])


def foreground(learner: HoeffdingAdaptiveTree) -> tuple[list[tuple[int, float]], list[int]]:
    """Return the shape of the tree that predicts."""
    root = learner.state()["tree"]["root"]
    return splits(root), leaf_numbers(root)


def changes_of(learner: HoeffdingAdaptiveTree, stream: list[Message]) -> list[Change]:
    """Let a learner run over a stream; return what it changed in its structure."""
    told: list[Change] = []
    for message in stream:
        learner.predict(message.x)
        learner.learn(message.x, learner.label_space.targets(message.labels))
        told += learner.changes
    return told


@pytest.mark.parametrize(("features", "labels"), [(20, 30), (100, 100)])
def test_finds_the_planted_splits(features: int, labels: int) -> None:
    """Within 5,000 messages: the planted features, no other, near their thresholds, and exact label-sets."""
    learner = HoeffdingAdaptiveTree()
    accuracy = subset_accuracy(learner, threshold_stream(5000, features, labels), after=4500)
    found, _ = foreground(learner)
    assert {feature for feature, _ in found} == set(PLANTED)
    for feature, threshold in PLANTED.items():
        assert min(abs(cut - threshold) for at, cut in found if at == feature) < 0.05
    assert accuracy > 0.9


def test_recovers_from_a_sudden_swap() -> None:
    """Within 2,000 messages of a swap of all label-sets they are predicted as well as before."""
    learner = HoeffdingAdaptiveTree()
    before = subset_accuracy(learner, planted(5000), after=4500)
    assert subset_accuracy(learner, planted(200, seed=1, shift=1)) < 0.5
    assert subset_accuracy(learner, planted(2000, seed=2, shift=1), after=1500) > before - 0.05


def halved(messages: int, feature: int, seed: int = 0) -> list[Message]:
    """Return a stream with one label left of feature 0's zero; on the right a feature says which."""
    x = np.random.default_rng(seed).uniform(-1, 1, (messages, 4)).astype(np.float32)
    return [
        Message(row, ["left"] if row[0] <= 0 else ["up", "high"] if row[feature] > 0 else ["down", "low"])
        for row in x
    ]


def test_alternates_clear_away_what_has_drifted() -> None:
    """Change what the right side follows: in the end no branch is left that tests the feature of before."""
    learner = HoeffdingAdaptiveTree()
    assert {change.kind for change in changes_of(learner, halved(4000, feature=1))} == {"split"}
    assert {feature for feature, _ in foreground(learner)[0]} == {0, 1}
    told = changes_of(learner, halved(6000, feature=2, seed=1))
    assert [change for change in told if change.kind == "swap"]
    assert all(change.statistic >= change.threshold >= 0.0 for change in told if change.kind == "swap")
    assert {feature for feature, _ in foreground(learner)[0]} == {0, 2}
    assert subset_accuracy(learner, halved(500, feature=2, seed=2)) > 0.9


def test_alternates_leave_the_foreground_alone() -> None:
    """While alternates split, the tree that predicts changes only by its own splits, renewals and swaps."""
    learner = HoeffdingAdaptiveTree()
    learn_all(learner, planted(4000))
    elsewhere = 0
    for message in planted(1200, seed=1, shift=3):
        before = foreground(learner)
        learner.learn(message.x, learner.label_space.targets(message.labels))
        mine = [c for c in learner.changes if c.kind == "swap" or int(c.subject) in before[1]]
        elsewhere += len(learner.changes) - len(mine)
        if not mine:
            assert foreground(learner)[0] == before[0]
    assert elsewhere > 0


def alternate(losses: Floats, own: Floats) -> tuple[Alternate, Branch]:
    """Return a leaf that was compared with a branch, and the branch."""
    space = HoeffdingAdaptiveTree().label_space
    leaf, *sides = (Leaf(number, 1, space, linear=True) for number in range(3))
    made = Alternate(leaf)
    for pair in zip(losses.tolist(), own.tolist(), strict=True):
        made.compare(*pair)
    return made, Branch(3, 0, 0.5, *sides)


@pytest.mark.parametrize("messages", [1, 50, TRIAL_MESSAGES - 1, TRIAL_MESSAGES])
@pytest.mark.parametrize("better", [-0.5, -0.02, 0.0, 0.02, 0.5])
def test_an_alternate_replaces_its_branch_by_an_empirical_bernstein_bound(
    messages: int, better: float
) -> None:
    """Differences of losses have a range of 2; at the end of its trial the smaller one stays."""
    draw = np.random.default_rng(messages)
    losses = draw.random(messages) * 0.4 + 0.3
    own = losses - better * draw.random(messages)
    made, branch = alternate(losses, own)
    weights = ADVANTAGE_DECAY ** np.arange(messages - 1, -1, -1)
    mean = np.average(losses - own, weights=weights)
    variance = np.average((losses - own - mean) ** 2, weights=weights)
    nats, sample = math.log(3 / VERDICT_ERROR), weights.sum()
    bound = math.sqrt(2 * variance * nats / sample) + 3 * 2 * nats / sample
    assert made.verdict() == pytest.approx((mean, bound))
    last = messages == TRIAL_MESSAGES
    assert made.replaces(branch) == (mean > bound or (last and mean >= 0))
    assert made.hopeless() == (mean < -bound or last)
    made.root = branch
    assert made.replaces(branch) == (mean > bound)


def test_a_stationary_stream_swaps_nothing() -> None:
    """Without drift no alternate takes over once the splits are found."""
    learner = HoeffdingAdaptiveTree()
    learn_all(learner, planted(5000))
    assert [c for c in changes_of(learner, planted(5000, seed=1)) if c.kind == "swap"] == []


@pytest.mark.parametrize("same", [False, True])
def test_noise_does_not_split(same: bool) -> None:
    """Labels that follow from no feature grow no tree, be they independent or always together."""
    learner, rng = HoeffdingAdaptiveTree(), np.random.default_rng(0)
    learner.label_space.ids(map(str, range(20)))
    for _ in range(4000):
        on = np.repeat(rng.random() < 0.3, 20) if same else rng.random(20) < 0.2
        learner.learn(rng.normal(size=30).astype(np.float32), Targets(np.flatnonzero(on)))
    assert learner.statistics().branches == 0


def test_partial_labels_do_not_grow_the_tree() -> None:
    """Without known negatives nobody knows what a split would gain; the experts learn all the same."""
    learner = HoeffdingAdaptiveTree()
    for message in planted(3000):
        learner.learn(message.x, learner.label_space.targets(message.labels, negative=[]))
    assert learner.statistics().branches == 0
    assert learner.score(planted(1)[0].x).min() > 0.5


def test_leaves_without_linear_models_tell_what_came_to_them() -> None:
    """The splits alone are enough where thresholds alone decide."""
    learner = HoeffdingAdaptiveTree(linear=False)
    learn_all(learner, threshold_stream(4000, 30, 40))
    assert subset_accuracy(learner, threshold_stream(1000, 30, 40, seed=2)) > 0.9


def test_memory_is_bounded_and_poor_leaves_sleep() -> None:
    """A sixth of a mebibyte is not exceeded for long: leaves sleep, and still predict."""
    learner, free = HoeffdingAdaptiveTree(max_size=0.15), HoeffdingAdaptiveTree()
    stream = threshold_stream(5000, 100, 100)
    for each in (learner, free):
        learn_all(each, stream)
    statistics = learner.statistics()
    assert statistics.awake < statistics.leaves
    assert free.statistics().awake == free.statistics().leaves
    # The limit, and what sleeping leaves keep.
    assert size_of(learner.state()["tree"]) < 1.2 * 0.15 * 2**20 < size_of(free.state()["tree"])
    assert subset_accuracy(learner, threshold_stream(300, 100, 100, seed=9)) > 0.1


@pytest.mark.parametrize("linear", [True, False])
def test_sleeping_leaves_and_alternates_survive_a_save(linear: bool) -> None:
    """Save a tree that has both, load it, go on: the same digest."""
    size = 0.06 if linear else 0.025
    learner, restored = (HoeffdingAdaptiveTree(max_size=size, linear=linear) for _ in range(2))
    learn_all(learner, planted(4000))
    stream = planted(1500, seed=1, shift=3)
    position = next(n for n, message in enumerate(stream) if _has_both(learner, message))
    restored.load_state(learner.state())
    for each in (learner, restored):
        learn_all(each, stream[position + 1 :])
    assert learner.digest() == restored.digest()


def _has_both(learner: HoeffdingAdaptiveTree, message: Message) -> bool:
    learn_all(learner, [message])
    statistics = learner.statistics()
    return statistics.alternates > 0 and statistics.awake < statistics.leaves


def test_many_labels_come_and_go() -> None:
    """Labels that nobody has heard of appear in every part of a grown tree; all of them are learned."""
    learner = HoeffdingAdaptiveTree()
    learn_all(learner, planted(3000))
    renamed = [Message(x, [f"new {label}" for label in labels]) for x, labels in planted(3000, seed=1)]
    assert subset_accuracy(learner, renamed, after=2000) > 0.8


def test_a_missing_value_goes_where_most_went() -> None:
    """NaN, or a vector that ends before the feature, takes the side with more messages."""
    space = HoeffdingAdaptiveTree().label_space
    branch = Branch(1, 2, 0.5, *(Leaf(number, 1, space, linear=True) for number in (2, 3)))
    branch.counts = [3, 5]
    missing, short = np.array([0, 0, math.nan], dtype=np.float32), np.zeros(1, dtype=np.float32)
    assert [branch.side(x) for x in (missing, short)] == [1, 1]
    branch.counts = [5, 3]
    assert [branch.side(x) for x in (missing, short)] == [0, 0]
    assert [branch.side(np.array([0, 0, value], dtype=np.float32)) for value in (0.5, 0.6)] == [0, 1]


@pytest.mark.parametrize(
    "parameters",
    [{"grace": 9}, {"delta": 0.0}, {"tie": 1.5}, {"max_size": 0.0}],
    ids=lambda each: next(iter(each)),
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any]) -> None:
    """Say which parameter is wrong."""
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of HoeffdingAdaptiveTree"):
        HoeffdingAdaptiveTree(**parameters)


def test_a_fresh_tree_is_one_leaf() -> None:
    """Statistics tell the shape of the tree."""
    statistics = HoeffdingAdaptiveTree().statistics()
    assert (statistics.branches, statistics.leaves, statistics.awake, statistics.alternates) == (0, 1, 1, 0)


PLAIN = """
from tests.learners.streams import learn_all, threshold_stream
from learners.tree import HoeffdingAdaptiveTree
print(learn_all(HoeffdingAdaptiveTree(grace=50, tie=0.3), threshold_stream(900, 9, 30)).digest())
"""


def test_compiled_loops_do_what_the_plain_ones_do() -> None:
    """Without compilation, in a process of its own: the same digest, splits and all."""
    learner = HoeffdingAdaptiveTree(grace=50, tie=0.3)
    learn_all(learner, threshold_stream(900, 9, 30))
    assert learner.statistics().branches > 0
    run = subprocess.run(
        [sys.executable, "-c", PLAIN],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == learner.digest()


@pytest.mark.parametrize("size", [1e-30, 1e37])
def test_numbers_near_the_ends_of_single_precision(size: float) -> None:
    """Squares of such numbers are no reason to fail, and the splits are found all the same."""
    learner = HoeffdingAdaptiveTree()
    stream = [Message(x * np.float32(size), labels) for x, labels in planted(1500)]
    learn_all(learner, stream)
    assert learner.statistics().branches > 0
    assert np.isfinite(learner.score(stream[0].x)).all()


def alternates(node: dict[str, Any], depth: int = 0) -> list[int]:
    """Return for each alternate below a node in how many others it grows."""
    if "leaf" in node:
        return []
    inside = node.get("alternate")
    found = [depth, *alternates(inside["root"], depth + 1)] if inside else []
    return found + alternates(node["left"], depth) + alternates(node["right"], depth)


def test_alternates_have_no_alternates() -> None:
    """What they follow swaps again and again, also while they grow."""
    learner, found = HoeffdingAdaptiveTree(), []
    for swap in range(8):
        learn_all(learner, planted(1000, seed=swap, shift=swap))
        found += alternates(learner.state()["tree"]["root"])
    assert found
    assert set(found) == {0}
