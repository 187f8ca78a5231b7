"""The extreme learner: its tree stays a tree, and a shortlist loses little beside scoring every label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Vector
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.extreme.classifier import BASE_RATE_DECAY, ExtremeClassifier
from learners.extreme.hard_negatives import teach
from learners.extreme.label_tree import LabelTree
from learners.extreme.tree_level import NOWHERE
from learners.metrics.prequential import Prequential, Scores
from tests.learners.checks import assert_same, through_json
from tests.learners.streams import Message, prototype_stream


def prequential(learner: ExtremeClassifier, stream: list[Message]) -> tuple[list[Prediction], Scores]:
    """Predict and learn every message; return the predictions and their scores."""
    scores, predictions = Prequential(), []
    for x, labels in stream:
        predictions.append(learner.predict(x))
        targets = learner.label_space.targets(labels)
        scores.update(predictions[-1], targets, len(learner.label_space))
        learner.learn(x, targets)
    return predictions, scores.summary()


def assert_tree(tree: LabelTree, labels: int) -> None:
    """Check that every label and node hangs in one place, and no node has too many children."""
    for height, level in enumerate(tree.levels[1:], start=1):
        below = tree.levels[height - 1]
        children = level.children[: len(level)]
        assert (level.sizes[: len(level)] <= tree.fanout).all()
        assert ((children != NOWHERE).sum(axis=1) == level.sizes[: len(level)]).all()
        hung = children[children != NOWHERE]
        assert sorted(hung.tolist()) == list(range(labels if height == 1 else len(below)))
        for node, child in zip(*np.nonzero(children != NOWHERE), strict=True):
            assert below.parents[children[node, child]] == node
    assert len(tree.levels[-1]) <= tree.fanout


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 6), st.integers(1, 3))
def test_every_label_hangs_in_one_place(seed: int, fanout: int, beam: int) -> None:
    """Grow and rehang at random: the tree stays whole and as low as a B+-tree is."""
    rng = np.random.default_rng(seed)
    tree = LabelTree(torch.device("cpu"), 4.0, 16.0, fanout, beam)
    labels = 0
    while labels < 60:
        inputs = rng.normal(size=5).astype(np.float32)
        route = tree.route(inputs)
        born = np.arange(labels, labels + rng.integers(1, 9))
        labels += len(born)
        tree.reserve(labels, 5)
        tree.hang(born, route, inputs)
        tree.lead(route, born, inputs)
        tree.rehang(int(rng.integers(labels)), tree.route(inputs), inputs)
        assert_tree(tree, labels)
    assert len(tree.levels) <= 1 + np.log2(labels)


def grown_tree(fanout: int, beam: int, labels: int = 50) -> tuple[LabelTree, Vector]:
    """Return a tree of labels that were hung one by one, and the vector of each."""
    rng = np.random.default_rng(fanout)
    tree, vectors = LabelTree(torch.device("cpu"), 4.0, 16.0, fanout, beam), rng.normal(size=(labels, 6))
    vectors[:, 0] = 1.0
    for label, inputs in enumerate(vectors.astype(np.float32)):
        route = tree.route(inputs)
        tree.reserve(label + 1, 6)
        teach(tree.levels[0].rows, route[0], np.array([label]), inputs)
        tree.hang(np.array([label]), route, inputs)
        tree.lead(route, np.array([label]), inputs)
    return tree, vectors.astype(np.float32)


@pytest.mark.parametrize("fanout", [3, 4])
@pytest.mark.parametrize("beam", [1, 2, 3, 6])
def test_a_route_is_that_of_a_plain_beam_search(fanout: int, beam: int) -> None:
    """From the top: half of the beam for the most probable paths, the rest for the nearest centroids."""
    tree, vectors = grown_tree(fanout, beam)
    assert len(tree.levels) > 3
    for inputs in vectors[::7] + np.float32(0.25):
        route, wanted = tree.route(inputs), dict.fromkeys(range(len(tree.levels[-1])), 0.0)
        for height in range(len(tree.levels) - 1, 0, -1):
            level, ids = tree.levels[height], np.array(sorted(wanted))
            logits, near = level.rows.products(ids, inputs), level.centroids.cosines(ids, inputs[1:])
            assert route[height].ids.tolist() == ids.tolist()
            np.testing.assert_array_equal(route[height].logits, logits)
            np.testing.assert_array_equal(route[height].cosines, near)
            sure = -np.log1p(np.exp(-logits.astype(np.float64)))
            paths = {node: wanted[node] + sure[n] for n, node in enumerate(ids.tolist())}
            likely = sorted(paths, key=lambda node: -paths[node])[: (beam + 1) // 2]
            closeness = dict(zip(ids.tolist(), near.tolist(), strict=True))
            rest = sorted(paths.keys() - set(likely), key=lambda node: -closeness[node])
            best = [*likely, *rest[: beam - len(likely)]]
            wanted = {child: paths[node] for node in best for child in level.children_of(node).tolist()}
        assert route[0].ids.tolist() == sorted(wanted)
        np.testing.assert_array_equal(
            route[0].logits, tree.levels[0].rows.products(np.array(sorted(wanted)), inputs)
        )


@pytest.mark.parametrize("fanout", [3, 5])
def test_centroids_are_means_of_what_hangs_below(fanout: int) -> None:
    """At all heights, however often nodes were divided; each label weighs the same."""
    tree, vectors = grown_tree(fanout, beam=2)
    below = {label: [label] for label in range(len(vectors))}
    for level in tree.levels[1:]:
        below = {
            node: [label for child in level.children_of(node).tolist() for label in below[child]]
            for node in range(len(level))
        }
        means = [vectors[labels, 1:].mean(axis=0) for labels in below.values()]
        np.testing.assert_allclose(level.centroids.take(np.arange(len(level))), means, atol=0.01)
        assert level.centroids.counts[: len(level)].tolist() == [len(labels) for labels in below.values()]


def test_parts_of_a_divided_node_start_around_its_weights() -> None:
    """Each is moved towards its own children's classifiers, and the intercept stays as it was."""
    tree, vectors = grown_tree(5, beam=1, labels=5)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 6)).astype(np.float32)
    tree.reserve(6, 6)
    for label, row in enumerate(rows):
        tree.levels[0].rows.set(label, row, like=0)
    before = tree.levels[1].rows.take(np.array([0]))[0]
    tree.hang(np.array([5]), tree.route(vectors[0]), vectors[0])
    assert len(tree.levels[1]) == 2
    for node in range(2):
        children = tree.levels[1].children_of(node)
        turn = rows[children].mean(axis=0) - rows.mean(axis=0)
        turn[0] = 0.0
        np.testing.assert_allclose(tree.levels[1].rows.take(np.array([node]))[0], before + turn, rtol=1e-5)


def test_the_shortlist_is_nearly_as_good_as_every_label() -> None:
    """Labels appear all along a planted stream: P@1 and P@5 are at least 95 % of exact mode's."""
    stream = prototype_stream(3000, 1000, features=64)
    tree = ExtremeClassifier(fanout=32, beam=8, device="cpu")
    _, listed = prequential(tree, stream)
    _, exact = prequential(ExtremeClassifier(exact=True, device="cpu"), stream)
    assert exact.p_at_1 > 0.5
    assert listed.p_at_1 >= 0.95 * exact.p_at_1
    assert listed.p_at_5 >= 0.95 * exact.p_at_5
    assert tree.statistics().missed < 0.2
    # A beam that covers the whole tree would prove nothing.
    assert tree.statistics().nodes > 3 * tree.beam


def test_missed_is_the_decayed_share_of_known_labels_that_were_not_listed() -> None:
    """Against plain sums; labels that are new count for neither."""
    learner, asked, missed = ExtremeClassifier(fanout=4, beam=1, device="cpu"), 0.0, 0.0
    for x, labels in prototype_stream(250, 60, features=16):
        known = {learner.label_space.id(label) for label in labels if label in learner.label_space}
        listed = set(np.asarray(learner.predict(x).scored).tolist())
        asked, missed = asked * BASE_RATE_DECAY, missed * BASE_RATE_DECAY
        asked, missed = asked + len(known), missed + len(known - listed)
        learner.learn(x, learner.label_space.targets(labels))
        assert learner.statistics().missed == pytest.approx(missed / asked if asked else 0.0)
    assert 0.0 < missed < asked


def test_labels_seen_once_are_listed() -> None:
    """Two thousand labels, each seen on one message of ten: most are listed for a message like theirs."""
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(100, 48)).astype(np.float32)
    learner = ExtremeClassifier(fanout=16, beam=8, device="cpu")
    learner.label_space.ids(f"l{label}" for label in range(2000))

    def vector(group: int) -> Vector:
        x: Vector = groups[group] + 0.7 * rng.normal(size=48).astype(np.float32)
        return x

    for first in range(0, 2000, 10):
        learner.learn(vector(first // 10 % 100), Targets(np.arange(first, first + 10)))
    assert learner.statistics().height >= 2
    found = []
    for group in rng.integers(0, 100, 200).tolist():
        scored = learner.predict(vector(group)).scored
        assert scored is not None
        found.append(np.isin(np.arange(10 * group, 10 * group + 10), scored).mean())
    assert np.mean(found) > 0.6


def test_labels_seen_once_are_listed_among_much_that_is_alike() -> None:
    """Groups of groups of labels, each seen once: nearly all are listed for a message like theirs."""
    rng = np.random.default_rng(0)
    groups = np.repeat(2.0 * rng.normal(size=(20, 48)), 20, axis=0) + rng.normal(size=(400, 48))
    groups += 3.0 * rng.normal(size=48)
    learner = ExtremeClassifier(fanout=16, beam=16, device="cpu")
    learner.label_space.ids(f"l{label}" for label in range(4000))

    def vector(group: int) -> Vector:
        x: Vector = (groups[group] + 0.7 * rng.normal(size=48)).astype(np.float32)
        return x

    for group in rng.permutation(400).tolist():
        learner.learn(vector(group), Targets(np.arange(10 * group, 10 * group + 10)))
    found, sizes = [], []
    for group in rng.integers(0, 400, 200).tolist():
        scored = learner.predict(vector(group)).scored
        assert scored is not None
        sizes.append(len(scored))
        found.append(np.isin(np.arange(10 * group, 10 * group + 10), scored).mean())
    assert np.mean(found) > 0.9
    # Of 4,000.
    assert max(sizes) <= 256


def test_labels_of_one_message_hang_together() -> None:
    """New labels of a message hang in one leaf where it has room, and fill others where it has not."""
    learner = ExtremeClassifier(fanout=8, device="cpu")
    for number, x in enumerate(np.eye(4, dtype=np.float32)):
        learner.learn(x, learner.label_space.targets(f"{number}.{i}" for i in range(4)))
    parents = learner._tree.levels[0].parents[:16].reshape(4, 4)
    assert (parents == parents[:, :1]).all()
    assert len(np.unique(parents)) >= 2
    learner.learn(np.ones(4, dtype=np.float32), learner.label_space.targets(f"all.{i}" for i in range(50)))
    assert_tree(learner._tree, 66)


def test_two_runs_end_with_one_digest_wherever_vectors_lie() -> None:
    """Vectors at other addresses, and memory in other use, change no bit of what was learned."""
    digests = set()
    for offset in range(4):
        learner = ExtremeClassifier(fanout=7, beam=3, device="cpu")
        kept = []
        for number, (x, labels) in enumerate(prototype_stream(300, 200, features=23)):
            room = np.zeros(len(x) + 4, dtype=np.float32)
            room[offset : offset + len(x)] = x
            kept.append(np.zeros(1 + 37 * offset * number % 311, dtype=np.float32))
            learner.predict(room[offset : offset + len(x)])
            learner.learn(room[offset : offset + len(x)], learner.label_space.targets(labels))
        digests.add(learner.digest())
    assert len(digests) == 1


def test_a_beam_as_wide_as_the_tree_lists_every_label() -> None:
    """Exact mode is where a wide beam ends."""
    learner = ExtremeClassifier(fanout=4, beam=1000, device="cpu")
    stream = prototype_stream(200, 100, features=16)
    for prediction, (_, labels) in zip(prequential(learner, stream)[0], stream, strict=True):
        assert prediction.scored is not None
        assert prediction.scored.tolist() == list(range(len(prediction.scored)))
        assert len(labels) <= 3
    assert learner.statistics().missed == 0.0


def test_a_message_touches_a_bounded_number_of_rows() -> None:
    """However many labels there are, at most beam leaves of fanout labels are scored."""
    learner = ExtremeClassifier(fanout=8, beam=2, device="cpu")
    predictions, _ = prequential(learner, prototype_stream(1000, 1000, features=16))
    assert len(learner.label_space) > 400
    assert max(len(prediction.scores) for prediction in predictions) <= 16
    assert learner.statistics().height >= 2


def test_a_deep_tree_goes_on_where_it_was_saved() -> None:
    """Save and load in the middle, with several heights: predictions and digests stay equal."""
    stream = prototype_stream(600, 400, features=16)
    learner, restored = (ExtremeClassifier(fanout=4, beam=3, device="cpu") for _ in range(2))
    prequential(learner, stream[:300])
    restored.load_state(through_json(learner.state()))
    for one, other in zip(
        prequential(learner, stream[300:])[0], prequential(restored, stream[300:])[0], strict=True
    ):
        assert_same(one, other)
    assert learner.statistics().height >= 3
    assert learner.digest() == restored.digest()


def test_asking_first_changes_nothing() -> None:
    """Learning reuses what predicting worked out; without it, it works out the same."""
    asked, silent = (ExtremeClassifier(fanout=4, beam=2, device="cpu") for _ in range(2))
    for x, labels in prototype_stream(200, 100, features=16):
        asked.predict(x)
        for learner in (asked, silent):
            learner.learn(x, learner.label_space.targets(labels))
    assert asked.digest() == silent.digest()


def test_a_label_that_moves_is_found_again() -> None:
    """Swap the features of all labels: the shortlist misses many, and then few again."""
    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(200, 32)).astype(np.float32)
    learner = ExtremeClassifier(fanout=16, beam=2, device="cpu")
    learner.label_space.ids(f"l{label}" for label in range(200))

    def missed(rows: Vector, messages: int) -> float:
        misses = 0
        for label in rng.integers(0, 200, messages).tolist():
            x = rows[label] + 0.3 * rng.normal(size=32).astype(np.float32)
            scored = learner.predict(x).scored
            assert scored is not None
            misses += label not in scored
            learner.learn(x, Targets(np.array([label])))
        return misses / messages

    missed(prototypes, 1500)
    settled = missed(prototypes, 500)
    swapped = missed(prototypes[::-1].copy(), 200)
    missed(prototypes[::-1].copy(), 1500)
    again = missed(prototypes[::-1].copy(), 500)
    assert settled < 0.3 < swapped
    assert again < swapped / 2


def test_partial_targets_teach_what_they_say() -> None:
    """A named negative loses score; labels of which nothing is said keep theirs."""
    learner = ExtremeClassifier(device="cpu")
    x = np.ones(8, dtype=np.float32)
    for _ in range(5):
        learner.learn(x, learner.label_space.targets(["a", "b", "c"]))
    before = learner.score(x)
    for _ in range(5):
        learner.learn(x, learner.label_space.targets(["a"], ["b"]))
    after = learner.score(x)
    assert after[1] < before[1]
    assert after[2] == before[2]


@pytest.mark.parametrize(
    ("name", "value"), [("rate", 0.0), ("node_rate", -1.0), ("fanout", 1), ("beam", 0), ("device", "tpu")]
)
def test_bad_parameters_are_refused(name: str, value: float | str) -> None:
    """The sentence names the parameter and the learner."""
    with pytest.raises(ValueError, match=f"'{name}' parameter of ExtremeClassifier must be"):
        ExtremeClassifier(**{name: value})  # type: ignore[arg-type]


@pytest.mark.device
@pytest.mark.parametrize(
    "mode",
    [
        {"fanout": 16, "beam": 4},
        {"fanout": 16, "beam": 4, "micro_batch": 16},
        {"exact": True, "micro_batch": 16},
    ],
    ids=str,
)
def test_a_cuda_device_learns_the_same(mode: dict[str, Any]) -> None:
    """On a CUDA device two runs end with one digest, and score about as the CPU does."""
    stream = prototype_stream(500, 300, features=32)
    first, second = (ExtremeClassifier(**mode, device="cuda") for _ in range(2))
    _, scores = prequential(first, stream)
    prequential(second, stream)
    assert first.digest() == second.digest()
    _, beside = prequential(ExtremeClassifier(**mode, device="cpu"), stream)
    assert scores.p_at_1 == pytest.approx(beside.p_at_1, abs=0.05)
