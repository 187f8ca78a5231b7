"""The most similar clusters, against plain sums over all pairs of labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Floats, Ids
from learners.cluster.cooccurrence import Cooccurrence
from learners.cluster.nearest_clusters import LEAST_MEETINGS, companions_outside, nearest_clusters, visit
from learners.cluster.similarity import at_least, jaccard_by_chance

LABELS, CLUSTERS = 12, 5
seeds = pytest.mark.parametrize("seed", range(12))


def counted(seed: int, half_life: float = 1e6) -> tuple[Cooccurrence, Ids, Ids, Floats]:
    """Return counts of labels that come in groups, their clusters, the clusters' sizes, and decayed meetings.

    Clusters and groups agree in part, and the last label has never been seen.
    """
    draw, keep = np.random.default_rng(seed), 0.5 ** (1 / half_life)
    groups, counts, met = draw.integers(0, 4, LABELS), Cooccurrence(half_life), np.zeros((LABELS, LABELS))
    for _ in range(int(draw.integers(10, 90))):
        present = draw.random(LABELS) < np.where(groups == draw.integers(4), 0.6, draw.choice([0.0, 0.08]))
        message = np.flatnonzero(present[:-1])
        counts.add(message.tolist())
        met[message] *= keep
        met[np.ix_(message, message)] += 1
    counts.reserve(LABELS)
    owner = np.where(draw.random(LABELS) < 0.6, groups, draw.integers(0, CLUSTERS, LABELS)).astype(np.intp)
    np.fill_diagonal(met, 0.0)
    return counts, owner, np.bincount(owner, minlength=CLUSTERS), met


def most(values: dict[int, float]) -> tuple[int, float]:
    """Return the key of the largest positive value, the least of equals, and the value; else -1 and 0."""
    best = max(values, key=lambda key: (values[key], -key), default=-1)
    return (best, values[best]) if best >= 0 and values[best] > 0 else (-1, 0.0)


@seeds
@pytest.mark.parametrize("half_life", [15.0, 1e6])
@pytest.mark.parametrize("largest", [3, 5, LABELS])
def test_the_nearest_clusters_are_those_with_the_largest_means(
    seed: int, half_life: float, largest: int
) -> None:
    """Of similarities above chance, between labels that met more than once; what is full is left out."""
    counts, owner, sizes, met = counted(seed, half_life)
    known, scratch = counts.counts(list(range(LABELS))), np.zeros((2, CLUSTERS))
    alike = np.maximum(counts.among(list(range(LABELS))), 0.0) * (met >= LEAST_MEETINGS)
    for cluster in set(owner.tolist()):
        members = np.flatnonzero(owner == cluster)
        found, best, there = nearest_clusters(*counts.tables, members, owner, sizes, largest, scratch)
        others = [each for each in range(CLUSTERS) if each != cluster and sizes[each]]
        for n, label in enumerate(members):
            means = {
                each: alike[label, owner == each].sum() / (sizes[each] + 1)
                for each in others
                if sizes[each] < largest
            }
            wanted, value = most(means)
            assert best[n] == wanted
            assert there[n] == pytest.approx(value)
        weighted = alike * np.minimum.outer(known, known)
        totals = {
            each: weighted[np.ix_(members, owner == each)].sum() / sizes[each]
            for each in others
            if sizes[each] + len(members) <= largest
        }
        assert found == most(totals)[0]
        assert not scratch.any()


@seeds
def test_companions_outside_are_surely_as_similar(seed: int) -> None:
    """The largest lower bound over all labels of other clusters than two."""
    counts, owner, _, met = counted(seed)
    every = list(range(LABELS))
    known, often, alike = counts.counts(every), counts.frequencies(every), counts.among(every)
    for cluster, other in ((0, 1), (2, 0), (3, 3)):
        members = np.flatnonzero(owner == cluster)
        found = companions_outside(*counts.tables, members, owner, other)
        for n, a in enumerate(members):
            bounds = [
                at_least(alike[a, b], jaccard_by_chance(often[a], often[b]), min(known[a], known[b]))
                for b in every
                if met[a, b] and owner[b] not in (cluster, other)
            ]
            assert found[n] == pytest.approx(max(bounds, default=0.0)) or max(bounds) < found[n] == 0.0


def test_one_cluster_of_two_that_are_equally_near_is_that_with_the_lower_id() -> None:
    """For the cluster as for its label."""
    counts = Cooccurrence(1e300)
    for message in ([0, 1, 2], [0, 1], [0, 2], [3], [0, 1, 2]):
        counts.add(message)
    for owner in ([0, 1, 2, 3], [0, 2, 1, 3]):
        found, best, _ = nearest_clusters(
            *counts.tables, np.array([0]), np.array(owner), np.ones(4, dtype=int), 9, np.zeros((2, 4))
        )
        assert (found, best.tolist()) == (1, [1])


@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))), max_size=25))
def test_a_cluster_is_due_once_it_has_waited(messages: list[tuple[set[int], set[int]]]) -> None:
    """A message counts once for a cluster; labels with new companions let it wait anew; the first is told."""
    labels, owner = Cooccurrence(), np.array([2, 0, 1, 0, 2, 2])
    labels.reserve(6)
    records = labels.tables[0]
    visits = np.array([[0, -1, 3], [0, -1, 1], [0, -1, 4]])
    waited, wait = [0, 0, 0], [3, 1, 4]
    for message, (present, changed) in enumerate(messages):
        records["changed"][list(changed)] = 1
        due, counted_for = -1, set()
        for label in sorted(present):
            cluster = int(owner[label])
            if label in changed:
                waited[cluster], wait[cluster] = 0, 2
            if cluster not in counted_for:
                counted_for.add(cluster)
                waited[cluster] += 1
                if due < 0 and waited[cluster] >= wait[cluster]:
                    due = cluster
        ids = np.array(sorted(present), dtype=np.intp)
        assert visit(records, owner, visits, message, ids, 2) == due
        assert not records["changed"][ids].any()
        assert visits[:, 0].tolist() == waited
        records["changed"] = 0
    with pytest.raises(IndexError, match="below the size"):
        visit(records, owner, visits, 0, np.array([6]), 2)
