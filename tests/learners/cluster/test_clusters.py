"""Label clusters: planted groups are found, and every label is in exactly one cluster, always."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from learners.cluster.clusters import Clusters
from tests.learners.cluster.partitions import (
    exclusive_label_sets,
    independent_label_sets,
    label_sets,
    partition,
)


def planted(groups: list[list[int]], messages: int, seed: int) -> Iterator[list[int]]:
    """Each message carries about half the labels of one group, sometimes of two."""
    rng = np.random.default_rng(seed)
    for _ in range(messages):
        active = rng.choice(len(groups), size=1 + (rng.random() < 0.2), replace=False)
        labels = [label for group in active for label in groups[group] if rng.random() < 0.5]
        yield sorted(labels)


def grouping(clusters: Clusters, size: int) -> list[int]:
    """Return the cluster of each label."""
    return [int(owner) for owner in clusters.owners()[:size]]


def check_partition(clusters: Clusters, size: int) -> None:
    """Assert that every label is in exactly one cluster, and none is too large."""
    members = [label for leaf in clusters.leaves() for label in clusters.members(leaf)]
    assert sorted(members) == list(range(size))
    for leaf in clusters.leaves():
        assert len(clusters.members(leaf)) <= clusters.largest
        assert all(clusters.owners()[label] == leaf for label in clusters.members(leaf))


def leaves_of(tree: object) -> list[int]:
    """Return the leaves of a tree of nested pairs."""
    if isinstance(tree, tuple):
        return [leaf for child in tree for leaf in leaves_of(child)]
    assert isinstance(tree, int)
    return [tree]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [2, 4, 10])
def test_planted_groups_are_found(count: int, seed: int) -> None:
    """Planted groups are found."""
    order = np.random.default_rng(seed).permutation(count * 5)
    groups = [order[5 * group : 5 * group + 5].tolist() for group in range(count)]
    clusters = Clusters()
    for labels in planted(groups, 10_000, seed):
        clusters.learn(labels, 5 * count)
    truth = np.empty(5 * count, dtype=int)
    for group, labels in enumerate(groups):
        truth[labels] = group
    assert adjusted_rand_score(truth, grouping(clusters, 5 * count)) == 1.0


def test_a_regrouping_is_followed() -> None:
    """A regrouping is followed."""
    first, second = [[0, 1, 2, 3], [4, 5, 6, 7]], [[0, 1, 4, 5], [2, 3, 6, 7]]
    clusters = Clusters(half_life=1000)
    for labels in planted(first, 6000, 0):
        clusters.learn(labels, 8)
    assert adjusted_rand_score([0, 0, 0, 0, 1, 1, 1, 1], grouping(clusters, 8)) == 1.0
    for labels in planted(second, 6000, 1):
        before = clusters.owners().copy()
        changes = clusters.learn(labels, 8)
        left = np.flatnonzero(clusters.owners() != before).tolist()
        assert sorted(label for change in changes for label in change.labels) == left
        assert all(before[label] == change.cluster for change in changes for label in change.labels)
    assert adjusted_rand_score([0, 0, 1, 1, 0, 0, 1, 1], grouping(clusters, 8)) == 1.0


@pytest.mark.parametrize(("labels", "density"), [(20, 0.1), (60, 0.02), (50, 0.5)])
def test_labels_without_structure_are_left_alone(labels: int, density: float) -> None:
    """What is not structure is not taken for it, at any density."""
    clusters = Clusters()
    stream = itertools.islice(independent_label_sets(labels, density, 1), 20_000)
    assert sum(len(clusters.learn(message, labels)) for message in stream) == 0


@pytest.mark.parametrize("seed", range(2))
def test_sparse_groups_of_which_one_is_on_at_a_time_are_found_again(seed: int) -> None:
    """Labels that share one message in twenty, a twentieth of it noise: found, and again when regrouped."""
    clusters = Clusters()
    for phase in (0, 10):
        truth = partition(40, 4, seed + phase)
        stream = exclusive_label_sets(truth, 0.05, 0.05, seed + phase)
        for labels in itertools.islice(stream, 40_000):
            clusters.learn(labels, 40)
        assert adjusted_rand_score(truth, clusters.owners()) >= 0.95


def test_groups_of_which_most_messages_carry_no_label_are_found() -> None:
    """Two groups whose labels meet twice as often as by chance, which messages without labels tell."""
    truth, clusters = partition(40, 2, 0), Clusters()
    for labels in itertools.islice(exclusive_label_sets(truth, 0.01, 0.0, 0), 150_000):
        clusters.learn(labels, 40)
    assert adjusted_rand_score(truth, clusters.owners()) >= 0.95


@pytest.mark.parametrize(("groups", "noise"), [(2, 0.0), (20, 0.05)])
def test_labels_of_every_second_message_are_found_again(groups: int, noise: float) -> None:
    """Labels that meet strangers every fourth message: found, and again when regrouped."""
    clusters = Clusters()
    for phase in (0, 10):
        truth = partition(100, groups, phase)
        for labels in itertools.islice(label_sets(truth, 0.5, noise, phase), 5000):
            clusters.learn(labels, 100)
        assert adjusted_rand_score(truth, clusters.owners()) >= 0.95


@pytest.mark.parametrize("seed", range(2))
def test_labels_seen_once_tell_nothing(seed: int) -> None:
    """Labels that all came together the only time they came are not torn apart for it."""
    stream = itertools.islice(independent_label_sets(1000, 0.01, seed), 2000)
    clusters = Clusters()
    assert sum(len(clusters.learn(message, 1000)) for message in stream) == 0


def test_each_look_that_changes_nothing_doubles_the_wait() -> None:
    """Up to sixteen times the patience."""
    clusters, looked = Clusters(patience=5), []
    for message in range(1, 400):
        before = clusters.looks
        clusters.learn([0, 1], 2)
        looked += [message] * (clusters.looks - before)
    assert looked == [5, 15, 35, 75, 155, 235, 315, 395]


def test_a_stationary_stream_does_not_flap() -> None:
    """A stationary stream does not flap."""
    groups = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]
    clusters = Clusters()
    changes = [clusters.learn(labels, 15) for labels in planted(groups, 30_000, 7)]
    assert any(changes[:10_000])
    assert sum(map(len, changes[10_000:])) <= 2


@pytest.mark.parametrize(
    ("labels", "groups", "density", "noise", "messages"),
    [
        (100, 20, 0.02, 0.0, 15_000),
        (100, 5, 0.1, 0.2, 10_000),
        (100, 2, 0.5, 0.0, 3000),
        (1000, 20, 0.02, 0.0, 20_000),
    ],
)
def test_sparse_and_noisy_groups_are_found(
    labels: int, groups: int, density: float, noise: float, messages: int
) -> None:
    """Sparse and noisy groups are found; see `tests.benchmarks.clusters` for more of them."""
    truth, clusters = partition(labels, groups, 0), Clusters()
    for message in itertools.islice(label_sets(truth, density, noise, 0), messages):
        clusters.learn(message, labels)
    assert adjusted_rand_score(truth, clusters.owners()) >= 0.95


def test_labels_beyond_the_label_space_are_refused() -> None:
    """Labels beyond the label space are refused."""
    with pytest.raises(IndexError, match="below the size"):
        Clusters().learn([0, 5], 3)


def test_changes_say_what_was_compared() -> None:
    """Changes say what was compared."""
    clusters = Clusters()
    seen = [change for labels in planted([[0, 1], [2, 3]], 20000, 0) for change in clusters.learn(labels, 4)]
    assert {change.kind for change in seen} == {"split"}
    assert all(change.statistic < change.threshold for change in seen)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 30), max_size=6), min_size=1, max_size=300),
    st.integers(2, 8),
)
def test_every_label_is_in_exactly_one_cluster(messages: list[set[int]], largest: int) -> None:
    """Every label is in exactly one cluster."""
    # Few messages must suffice for changes here, right or wrong.
    clusters = Clusters(linkage=0.5, delta=0.9, patience=1, largest=largest, half_life=50)
    size = 0
    for message in messages:
        size = max(size, max(message, default=-1) + 1)
        clusters.learn(sorted(message), size)
        check_partition(clusters, size)
        assert sorted(leaves_of(clusters.tree())) == clusters.leaves()


def test_clusters_stay_within_bounds_with_many_labels() -> None:
    """Clusters stay within bounds with many labels."""
    rng = np.random.default_rng(0)
    clusters = Clusters(largest=16)
    for n in range(3000):
        clusters.learn(np.unique(rng.integers(0, n + 1, 3)).tolist(), n + 1)
    check_partition(clusters, 3000)


def test_state_round_trip() -> None:
    """State round trip."""
    one, other = Clusters(patience=20), Clusters(patience=20)
    groups = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    for labels in planted(groups, 1500, 0):
        one.learn(labels, 9)
    other.load_state(one.state())
    for labels in planted(groups, 3000, 1):
        assert one.learn(labels, 9) == other.learn(labels, 9)
    assert one.tree() == other.tree()
