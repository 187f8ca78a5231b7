"""Branches: labels learned among the messages of their parent, and rehearsed."""

from __future__ import annotations

import numpy as np

from learners.hierarchy.branches import Branches
from learners.hierarchy.label_closure import LabelClosure
from learners.hierarchy.taxonomy import Taxonomy

FEATURES = 6


class Taught:
    """Branches with a taxonomy and a count of messages."""

    def __init__(self, memory: int = 100, flexible: bool = False, replay: int = 2) -> None:
        self.branches = Branches(memory, replay, pseudo=True, flexible=flexible, seed=0)
        self.taxonomy = Taxonomy()
        self.closure = LabelClosure(self.taxonomy)
        self.branches.share(self.closure)
        self.messages = 0

    def learn(self, x: np.ndarray, *labels: str) -> None:
        """Learn one message."""
        self.messages += 1
        stored = self.closure.stored(self.taxonomy.targets(labels))
        self.branches.welcome(self.messages)
        self.branches.learn(x, stored, self.closure.closed(stored), self.messages)

    def given(self, label: str, x: np.ndarray) -> float:
        """Return the probability of a label given its parent."""
        scores, known = self.branches.score(x), self.taxonomy.id(label)
        return float(scores[known] / scores[self.taxonomy.parent(known)])


def vectors(seed: int, count: int) -> np.ndarray:
    """Return random vectors."""
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(np.float32)


def test_messages_of_other_parents_say_nothing_of_a_label() -> None:
    """However many messages of another root come, a child's probability given its own root stays."""
    taught = Taught(memory=0)
    for x in vectors(0, 200):
        taught.learn(x, "a/x" if x[0] > 0 else "a/y")
    probe = np.eye(FEATURES, dtype=np.float32)[0] * 2
    before = taught.given("a/x", probe)
    for x in vectors(1, 200):
        taught.learn(x, "b")
    assert before > 0.8
    assert abs(taught.given("a/x", probe) - before) < 1e-5
    assert float(taught.branches.score(probe)[taught.taxonomy.id("a")]) < 0.5


def test_a_rare_label_is_better_known_with_a_memory() -> None:
    """Messages of a label that came three times are learned again and again: its own are told better."""
    rare = {}
    for memory in (0, 100):
        taught = Taught(memory=memory)
        for n, x in enumerate(vectors(2, 300)):
            x[0] = 1.0 if n % 100 == 50 else 0.0
            taught.learn(x, "a/rare" if n % 100 == 50 else "a/common")
        probes = vectors(3, 50)
        probes[:, 0] = 1.0
        rare[memory] = np.mean([taught.given("a/rare", x) for x in probes])
    assert rare[100] > rare[0] + 0.05


def test_new_labels_wait_in_the_memory_where_sampling_is_flexible() -> None:
    """The message that brings a label is not learned from at once; without a memory it is."""
    for memory, waits in ((50, True), (0, False)):
        taught = Taught(memory=memory, flexible=True, replay=0)
        for x in vectors(4, 20):
            taught.learn(x, "a")
        closed = taught.taxonomy.targets(["newcomer"])
        taught.branches.welcome(taught.messages)
        assert taught.branches._waits(closed, 0.0, taught.messages) is waits
        assert not taught.branches._waits(taught.taxonomy.targets(["a"]), 0.999, 10_000)
        assert not taught.branches._waits(taught.taxonomy.targets([]), 0.0, taught.messages)


def test_children_can_be_expected_as_often_as_their_parent_had_none() -> None:
    """The first child of a label that never had any gets half of it, one among known siblings little."""
    taught = Taught()
    for x in vectors(5, 50):
        taught.learn(x, "a")
    taught.taxonomy.id("a/x")
    ((_, _, first),) = taught.branches.welcome(taught.messages)
    for x in vectors(6, 100):
        taught.learn(x, "a/x")
    taught.taxonomy.id("a/x/deep")
    taught.taxonomy.id("b")
    taught.taxonomy.id("a/z")
    begun = taught.branches.welcome(taught.messages)
    assert abs(first - 0.5) < 0.02
    assert [taught.taxonomy.name(label) for label, _, _ in begun] == ["a/x/deep", "a/z"]
    assert begun[1][2] < 0.2
