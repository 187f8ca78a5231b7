"""Hierarchical label expansion: what the tree, the memory and the pseudo-labels each do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.datasets import load_digits

from learners.core.label_space import LabelSpace
from learners.core.labels import Targets
from learners.core.operations import Operation
from learners.core.prediction import Prediction
from learners.ensemble.ihomer import IHOMER
from learners.hierarchy.expansion import LabelExpansion
from learners.hierarchy.label_closure import LabelClosure
from learners.hierarchy.taxonomy import Taxonomy
from learners.neighbors.nearest import NearestNeighbours

FEATURES = 8


def stream(messages: int, depth: int, seed: int = 0) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield vectors whose largest value tells the leaf: two roots with two children each, cut at a depth."""
    draw = np.random.default_rng(seed)
    for _ in range(messages):
        leaf = int(draw.integers(4))
        x = draw.normal(scale=0.3, size=FEATURES).astype(np.float32)
        x[leaf] += 1.0
        x[4 + leaf // 2] += 1.0
        yield x, ["/".join((f"r{leaf // 2}", f"c{leaf}")[:depth])]


def teach(learner: LabelExpansion, messages: Iterator[tuple[np.ndarray, list[str]]]) -> list[bool]:
    """Test, then train; return which messages were labelled exactly right."""
    right = []
    for x, labels in messages:
        predicted = learner.predict(x).labels
        targets = learner.label_space.targets(labels)
        right.append(predicted.tolist() == targets.positive.tolist())
        learner.learn(x, targets)
    return right


def leaf_scores(learner: LabelExpansion, messages: int = 200) -> float:
    """Return how often the likeliest leaf is the right one on fresh messages."""
    leaves = [learner.label_space.id(f"r{leaf // 2}/c{leaf}") for leaf in range(4)]
    hits = 0
    for x, labels in stream(messages, depth=2, seed=9):
        scores = learner.score(x)
        hits += learner.label_space.name(max(leaves, key=lambda label: float(scores[label]))) == labels[0]
    return hits / messages


def test_children_are_learned_and_their_parents_not_forgotten() -> None:
    """After leaves came, leaves are right and roots as right as before, with and without a tree."""
    learner = LabelExpansion()
    before = np.mean(teach(learner, stream(300, depth=1))[-100:])
    after = np.mean(teach(learner, stream(400, depth=2, seed=1))[-100:])
    assert before > 0.95
    assert after > 0.9
    assert leaf_scores(learner) > 0.95


def test_messages_without_leaves_are_no_evidence_against_leaves() -> None:
    """Coarse messages after fine ones leave a leaf's probability; a flat learner reads them as a "no"."""
    fine = {}
    for hierarchy in (True, False):
        learner = LabelExpansion(memory=0, hierarchy=hierarchy)
        teach(learner, stream(200, depth=2))
        teach(learner, stream(300, depth=1, seed=2))
        x = next(x for x, labels in stream(50, depth=2, seed=3) if labels == ["r0/c0"])
        fine[hierarchy] = float(learner.score(x)[learner.label_space.id("r0/c0")])
    assert fine[True] > 0.8
    assert fine[False] < 0.5


def test_a_child_starts_from_its_parent() -> None:
    """At its first message a child already goes where its parent goes; a flat label knows nothing."""
    gaps = {}
    for hierarchy in (True, False):
        learner = LabelExpansion(memory=0, hierarchy=hierarchy)
        teach(learner, stream(200, depth=1))
        x, _ = next(stream(1, depth=2, seed=4))
        learner.learn(x, learner.label_space.targets(["r0/c0"]))
        scores = [learner.score(np.eye(FEATURES, dtype=np.float32)[4 + root]) for root in (0, 1)]
        child = learner.label_space.id("r0/c0")
        gaps[hierarchy] = float(scores[0][child] - scores[1][child])
    assert gaps[True] > gaps[False] + 0.05


def test_pseudo_labels_teach_from_messages_that_lack_them() -> None:
    """With few leaves named and many remembered without, filling them in makes leaves better known."""
    learner = LabelExpansion(replay=4)
    teach(learner, stream(300, depth=1))
    teach(learner, stream(60, depth=2, seed=1))
    closure = LabelClosure(learner.label_space)
    filled = [
        closure.with_pseudo_labels(closed, learner.score(x), sure=0.6)
        for x, labels in stream(100, depth=1, seed=5)
        if (closed := learner.label_space.targets(labels))
    ]
    leaves = [
        learner.label_space.names(learner.label_space.most_specific(closed.positive.tolist()))
        for closed in filled
    ]
    truth = [labels for _, labels in stream(100, depth=2, seed=5)]
    sure = [(got, want) for got, want in zip(leaves, truth, strict=True) if "/" in got[0]]
    assert len(sure) > 30
    assert np.mean([got == want for got, want in sure]) > 0.9
    for closed in filled:
        assert closed.negative is not None
        assert not set(closed.positive.tolist()) & set(closed.negative.tolist())


@pytest.mark.parametrize(
    "changed",
    [
        {"pseudo": False},
        {"flexible": False},
        {"memory": 0},
        {"hierarchy": False},
        {"seed": 1},
    ],
)
def test_every_ablation_is_one_flag_and_changes_something(changed: dict[str, object]) -> None:
    """Each flag gives another learner on the same stream, and the same one twice."""
    parameters: dict[str, object] = {"memory": 40, "replay": 3, "flexible": True}
    answers = []
    for given in (parameters, parameters | changed, parameters | changed):
        learner = LabelExpansion(**given)  # type: ignore[arg-type]
        teach(learner, stream(60, depth=1))
        said = [learner.predict(x) for x, _ in stream(40, depth=2, seed=6)]
        teach(learner, stream(80, depth=2, seed=1))
        said += [learner.predict(x) for x, _ in stream(40, depth=2, seed=6)]
        answers.append([(each.labels.tolist(), each.scores.tolist()) for each in said])
    assert answers[0] != answers[1]
    assert answers[1] == answers[2]


def test_labels_keep_what_they_learned_through_operations() -> None:
    """A label that moves is predicted under its new name; one that was merged away is never predicted.

    A message of the moved label hardly ever belongs to the old parent as well, from the move on.
    """
    moved, right, torn, names = 0, 0, 0, set()
    for seed in range(4):
        learner = LabelExpansion(seed=seed)
        teach(learner, stream(400, depth=2, seed=100 + seed))
        learner.apply(Operation("move", "r0/c0", ("r1",)))
        learner.apply(Operation("merge", "r1/c2", ("r1/c3",)))
        for x, labels in stream(200, depth=2, seed=7 + seed):
            predicted = set(learner.label_space.names(learner.predict(x).labels))
            names |= predicted
            learner.learn(x, learner.label_space.targets(labels))
            if labels == ["r0/c0"]:
                moved += 1
                right += predicted == {"r1", "r1/c0"}
                torn += {"r0", "r1"} <= predicted and "r1/c0" not in predicted
    assert right > 0.75 * moved
    assert torn < 0.03 * moved
    assert not names & {"r0/c0", "r1/c2"}


@pytest.mark.parametrize("decoder", ["levels", "paths", "top-down"])
def test_predictions_are_coherent_around_any_learner(decoder: str) -> None:
    """Labels come with their ancestors and probabilities fall along each path, also around neighbours."""
    learner = LabelExpansion(NearestNeighbours(), memory=50, decoder=decoder)
    for x, labels in stream(150, depth=2):
        prediction = learner.predict(x)
        for label in prediction.labels.tolist():
            assert set(learner.label_space.ancestors(label)) <= set(prediction.labels.tolist())
        parents = learner.label_space.shape().parents
        below = parents >= 0
        assert (prediction.scores[below] <= prediction.scores[parents[below]]).all()
        learner.learn(x, learner.label_space.targets(labels))
    assert leaf_scores(learner, 50) > 0.8


def test_labels_that_fell_silent_are_remembered() -> None:
    """Digits come two classes at a time, each image once: the memory keeps the first from being forgotten."""
    found = load_digits()
    x, y = (found.data / 16).astype(np.float32), found.target
    right = {}
    for memory in (0, 200):
        learner = LabelExpansion(IHOMER(memory=memory), memory=memory)
        for task in ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9)):
            for place in np.flatnonzero(np.isin(y[:1200], task)):
                learner.predict(x[place])
                learner.learn(x[place], learner.label_space.targets([f"{y[place] % 3}/{y[place]}"]))
        leaves = learner.label_space.ids([f"{digit % 3}/{digit}" for digit in range(10)])
        answers = [int(learner.score(row)[leaves].argmax()) for row in x[1200:]]
        right[memory] = float(np.mean(np.array(answers) == y[1200:]))
    assert right[200] > right[0] + 0.1, right


class Recalling(IHOMER):
    """Keeps what it learned, and what it was asked to recall."""

    def __init__(self) -> None:
        super().__init__()
        self.learned: list[tuple[bytes, bytes]] = []
        self.recalled: list[tuple[bytes, bytes]] = []

    def learn_predicted(self, x: np.ndarray, targets: Targets, prediction: Prediction | None) -> None:
        """Note the message."""
        self.learned.append((x.tobytes(), targets.positive.tobytes()))
        super().learn_predicted(x, targets, prediction)

    def recall(self, x: np.ndarray, targets: Targets) -> np.ndarray:
        """Note it as well."""
        self.recalled.append((x.tobytes(), targets.positive.tobytes()))
        return super().recall(x, targets)


def test_what_is_recalled_was_learned_so() -> None:
    """Also a message whose place in the memory the present one takes."""
    learner = LabelExpansion(Recalling(), memory=20)
    for leaf in (0, 1, 2, 3):
        for x, labels in stream(1_000, depth=2, seed=leaf):
            if labels[0].endswith(str(leaf)):
                learner.learn(x, learner.label_space.targets(labels))
    inner = learner._inner
    assert isinstance(inner, Recalling)
    assert len(set(inner.recalled)) > 10
    assert set(inner.recalled) <= set(inner.learned)


def renamed(messages: int, seed: int, names: str) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield the messages of `stream` with flat labels: the name at the place of the leaf."""
    for x, labels in stream(messages, depth=2, seed=seed):
        yield x, [names[int(labels[0][-1])]]


@pytest.mark.parametrize("names", ["efgh", "bcda"])
def test_labels_that_mean_something_else_are_learned_anew(names: str) -> None:
    """Replaced by new labels, or passed round: from the second hundred on as right as before nearly."""
    learner = LabelExpansion()
    before = np.mean(teach(learner, renamed(800, 0, "abcd"))[-200:])
    right = teach(learner, renamed(500, 1, names))
    assert np.mean(right[100:]) > before - 0.05
    assert min(np.mean(right[start : start + 100]) for start in (100, 200, 300, 400)) > before - 0.1


def test_stale_labels_leave_the_memory_and_silent_ones_stay() -> None:
    """What is told as something else is not rehearsed any more; what does not come is."""
    learner, kept = LabelExpansion(), {}
    teach(learner, renamed(800, 0, "abcd"))
    for x, labels in renamed(400, 1, "ebcd"):
        if labels != ["b"]:
            learner.learn(x, learner.label_space.targets(labels))
    memory = learner._branches._rehearsal
    for name in "abcd":
        label = learner.label_space.id(name)
        kept[name] = sum(label in memory.targets(slot).positive for slot in range(len(memory)))
    assert kept["a"] == 0
    assert min(kept["b"], kept["c"], kept["d"]) > 100


def test_what_is_remembered_forgets_the_parent_that_a_label_left() -> None:
    """A message remembered with all its ancestors is none of the old parent's once its label has moved."""
    taxonomy = Taxonomy(["r0/c0", "r1"])
    closure = LabelClosure(taxonomy)
    stored = closure.stored(Targets(taxonomy.ids(["r0", "r0/c0"])))
    taxonomy.apply(Operation("move", "r0/c0", ("r1",)))
    assert set(taxonomy.names(closure.closed(stored).positive)) == {"r1", "r1/c0"}


def test_a_flat_label_space_is_refused() -> None:
    """Names without a tree cannot be shared."""
    with pytest.raises(TypeError, match=r"shares a Taxonomy\. Got a LabelSpace; let the other learner"):
        LabelExpansion().share(LabelSpace())


def test_partial_labels_are_not_filled_in() -> None:
    """What a message with incomplete labels leaves open stays unknown in the memory, too."""
    learner = LabelExpansion(replay=3)
    teach(learner, stream(100, depth=2))
    space = learner.label_space
    open_ended = Targets(space.ids(["r0"]), np.zeros(0, dtype=np.intp))
    before = space.closed(open_ended)
    learner.learn(np.ones(FEATURES, dtype=np.float32), open_ended)
    assert before.negative is not None
    assert before.negative.size == 0


def test_clusters_are_those_of_the_inner_learner() -> None:
    """What is known of groups of labels is passed on; a learner without clusters has none."""
    learner, plain = LabelExpansion(), LabelExpansion(NearestNeighbours())
    for each in (learner, plain):
        teach(each, stream(100, depth=2))
    everything = np.arange(len(learner.label_space))
    assert learner.clusters_of(everything)
    assert len(learner.structure().owners) == len(everything)
    assert plain.clusters_of(everything) == []
