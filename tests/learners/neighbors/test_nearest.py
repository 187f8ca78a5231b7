"""Nearest neighbours against a plain search."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from learners.core.labels import Targets
from learners.neighbors.nearest import NearestNeighbours, Neighbours
from tests.learners.streams import linear_stream, only


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(12, 40), st.integers(1, 60), st.integers(0, 99))
def test_equals_a_plain_search(k: int, window: int, messages: int, seed: int) -> None:
    """Equals a plain search."""
    stream = linear_stream(messages + 1, 4, 3, seed)
    learner = NearestNeighbours(k, window)
    for message in stream[:-1]:
        learner.learn(message.x, learner.label_space.targets(message.labels))
    kept = stream[max(0, messages - window) : -1]
    x = stream[-1].x
    distances = np.array([np.linalg.norm(message.x - x) for message in kept])
    near = np.argsort(distances, kind="stable")[:k]
    weights = 1 / (distances[near] + 1e-3 * np.linalg.norm(x) + 1e-9)
    weights /= weights.sum()
    scores = learner.score(x)
    for label, name in enumerate(learner.label_space.names()):
        share = sum(weight for weight, row in zip(weights, near, strict=True) if name in kept[row].labels)
        assert abs(scores[label] - share) < 1e-3


def test_predicts_label_sets_that_did_occur() -> None:
    """Predicts label sets that did occur."""
    stream = linear_stream(400, 5, 4)
    learner = NearestNeighbours()
    seen: set[frozenset[str]] = set()
    for message in stream:
        if seen:
            assert frozenset(learner.label_space.names(learner.predict(message.x).labels)) in seen
        learner.learn(message.x, learner.label_space.targets(message.labels))
        seen.add(frozenset(message.labels))


def test_neighbours_that_do_not_know_do_not_vote() -> None:
    """Neighbours that do not know do not vote."""
    learner = NearestNeighbours(k=2, window=2)
    learner.label_space.ids(["a", "b"])
    x = np.ones(2, dtype=np.float32)
    learner.learn(x, Targets(np.array([0]), np.array([], dtype=np.intp)))
    learner.learn(x, only(1))
    np.testing.assert_allclose(learner.score(x), [0.5, 1.0])
    learner.learn(x, Targets(np.array([0]), np.array([], dtype=np.intp)))
    learner.learn(x, Targets(np.array([0]), np.array([], dtype=np.intp)))
    # Where no neighbour knows a label, nothing speaks for it.
    np.testing.assert_allclose(learner.score(x), [1.0, 0.0])


def test_memory_is_the_window() -> None:
    """Memory is the window."""
    learner = NearestNeighbours(k=1, window=50)
    for message in linear_stream(500, 3, 2):
        learner.learn(message.x, learner.label_space.targets(message.labels))
    assert len(learner.state()["vectors"]) == 50


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6), st.integers(0, 8))
def test_label_sets_are_those_of_the_nearest(sets: list[list[int]], most: int) -> None:
    """The label-sets come back as they were, at most so many."""
    ids = np.array([label for labels in sets for label in labels], dtype=np.intp)
    sizes = np.array([len(labels) for labels in sets], dtype=np.intp)
    near = Neighbours(np.ones(len(sets)), ids, sizes, sizes)
    assert [labels.tolist() for labels in near.label_sets(most)] == sets[:most]


def test_of_equal_messages_the_one_in_the_lower_row_is_nearer() -> None:
    """And of label-sets with equal votes the nearer one is predicted."""
    x, learner = np.ones(2, dtype=np.float32), NearestNeighbours(k=1, window=3)
    for name in ("a", "b", "c"):
        learner.learn(x, learner.label_space.targets([name]))
    assert learner.score(x).tolist() == [1.0, 0.0, 0.0]
    assert learner.numbers(learner.nearest(x)) == [0]
    learner.learn(x, learner.label_space.targets(["d"]))  # It takes the place of the oldest.
    assert learner.score(x).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert learner.numbers(learner.nearest(x)) == [3]
    both = NearestNeighbours(k=2, window=3)
    for name in ("a", "b"):
        both.learn(x, both.label_space.targets([name]))
    assert both.nearest(x).rows.tolist() == [0, 1]
    assert both.predict(x).labels.tolist() == [0]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 99))
def test_one_that_follows_another_finds_what_it_would_alone(window: int, messages: int, seed: int) -> None:
    """The shared label-sets are those that each would keep, also after loading a state."""
    alone, leader, follower = (NearestNeighbours(1, window, enough=2) for _ in range(3))
    leader.share(alone.label_space)
    follower.share(alone.label_space)
    follower.follow(leader)
    stream = linear_stream(messages + 1, 4, 3, seed)
    for number, message in enumerate(stream):
        targets = alone.label_space.targets(message.labels)
        if number == messages // 2:
            leader.load_state(leader.state_without_labels())
            follower.load_state(follower.state_without_labels())
        assert follower.score(-message.x).tolist() == alone.score(-message.x).tolist()
        alone.learn(-message.x, targets)
        leader.learn(message.x, targets)
        follower.learn(-message.x, targets)
    # A snapshot has them once, with the leader.
    assert digest(leader.state() | follower.state()) == digest(alone.state())
