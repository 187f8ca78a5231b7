"""The rehearsal memory: who stays, who goes, and that it comes back as it was."""

from __future__ import annotations

import numpy as np

from learners.core.labels import Targets
from learners.hierarchy.rehearsal import Rehearsal
from tests.learners.checks import through_json


def message(label: int) -> tuple[np.ndarray, Targets]:
    """Return a vector that shows its label, and what the message says."""
    return np.array([label, 1.0], dtype=np.float32), Targets(np.array([label]))


def labels_of(memory: Rehearsal) -> list[int]:
    """Return the label of each message kept."""
    return [int(memory.targets(slot).positive[0]) for slot in range(len(memory))]


def test_rare_labels_stay() -> None:
    """A flood of one label pushes out that label, not the others."""
    memory = Rehearsal(capacity=12)
    for n in range(500):
        label = n if n < 5 else 7
        memory.add(*message(label), (label,), importance=1.0, chance=0.0)
    assert sorted(set(labels_of(memory))) == [0, 1, 2, 3, 4, 7]
    assert len(memory) == 12


def test_of_the_largest_class_the_least_important_goes() -> None:
    """What the learner knows best leaves first, from the class with most members."""
    memory = Rehearsal(capacity=4)
    for importance in (3.0, 0.5, 2.0):
        memory.add(*message(1), (1,), importance, chance=0.0)
    memory.add(*message(2), (2,), 0.1, chance=0.0)
    memory.add(*message(3), (3,), 9.0, chance=0.0)
    assert labels_of(memory) == [1, 3, 1, 2]
    memory.refile(0, (1,), importance=0.0)
    memory.add(*message(4), (4,), 9.0, chance=0.0)
    assert labels_of(memory) == [4, 3, 1, 2]


def test_pseudo_labels_count_in_the_size_of_a_class() -> None:
    """A message taken for a label is one of its class: the class can then be the largest."""
    memory = Rehearsal(capacity=4)
    for label, importance in ((1, 1.0), (1, 2.0), (2, 0.9), (2, 3.0)):
        memory.add(*message(label), (label,), importance, chance=0.0)
    memory.refile(0, (2,), importance=0.5)
    memory.add(*message(5), (5,), 1.0, chance=0.0)
    assert labels_of(memory) == [5, 1, 2, 2]


def test_a_reservoir_keeps_every_message_with_equal_chance() -> None:
    """Over many runs each of 40 messages is kept in about a quarter of them."""
    kept = np.zeros(40)
    for seed in range(400):
        draw, memory = np.random.default_rng(seed), Rehearsal(capacity=10, eviction="reservoir")
        for n in range(40):
            memory.add(*message(n), (n,), importance=1.0, chance=draw.random())
        kept[labels_of(memory)] += 1
    assert kept.sum() == 4000
    assert (np.abs(kept / 400 - 0.25) < 0.1).all()


def test_state_round_trip() -> None:
    """A restored memory gives up the same messages from then on; vectors may have grown in between."""
    memory, restored = Rehearsal(capacity=8), Rehearsal(capacity=8)
    draw = np.random.default_rng(0)
    for n in range(30):
        memory.add(*message(n % 3), (n % 3,), draw.random(), draw.random())
    restored.load_state(through_json(memory.state()))
    for each in (memory, restored):
        again = np.random.default_rng(1)
        for _ in range(20):
            x = np.ones(5, dtype=np.float32)
            each.add(x, Targets(np.array([4]), np.array([1])), (4,), again.random(), again.random())
            each.refile(2, (1, 4), again.random())
    assert labels_of(memory) == labels_of(restored)
    np.testing.assert_equal(restored.state(), memory.state())
    assert len(memory.vector(0)) == 5
