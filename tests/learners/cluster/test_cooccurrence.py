"""Pair counts against a dense matrix, and their memory."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from learners.cluster.adjacency import PARTNERS, WIDEST, share
from learners.cluster.clusters import Clusters
from learners.cluster.cooccurrence import DELTA, RESCALE, SLACK, Cooccurrence
from learners.cluster.similarity import similarity
from tests.learners.cluster.partitions import independent_label_sets, label_sets, partition

LABELS = 8
streams = st.lists(st.sets(st.integers(0, LABELS - 1), max_size=5), max_size=60)


def share_of(counts: Cooccurrence, label: int, other: int) -> float:
    """Return the share of a label's messages that carry another, too."""
    labels, places, _ = counts.tables
    return share(labels, places, label, other)


def plain(messages: list[set[int]], half_life: float) -> tuple[np.ndarray, np.ndarray]:
    """Count plainly: what a label met decays with each message that touches it."""
    touched, met, keep = np.zeros(LABELS), np.zeros((LABELS, LABELS)), 0.5 ** (1 / half_life)
    for message in messages:
        for label in message:
            touched[label] = touched[label] * keep + 1
            met[label] *= keep
            met[label, sorted(message - {label})] += 1
    return touched, met


@given(streams, st.sampled_from([3.0, 50.0, 1e6]))
def test_equals_plain_counting(messages: list[set[int]], half_life: float) -> None:
    """Equals plain counting."""
    counts = Cooccurrence(half_life)
    for message in messages:
        counts.add(sorted(message))
    touched, met = plain(messages, half_life)
    for a in range(LABELS):
        assert counts.count(a) == pytest.approx(touched[a], rel=1e-9)
        for b in range(LABELS):
            if touched[a] and a != b:
                assert share_of(counts, a, b) == pytest.approx(met[a, b] / touched[a], rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9999), st.integers(2, 40), st.integers(0, 6))
def test_what_was_forgotten_leaves_nothing_to_whoever_comes(seed: int, labels: int, most: int) -> None:
    """Rows that grow, are given up and taken again hold the partners of a plain count, and no others."""
    draw, counts = np.random.default_rng(seed), Cooccurrence(20.0)
    touched, met, keep = np.zeros(labels), np.zeros((labels, labels)), 0.5 ** (1 / 20)
    for n in range(60):
        if n % 15 == 14:
            gone = np.flatnonzero(draw.random(labels) < draw.choice([0.1, 0.9]))
            if len(gone):
                counts.forget(gone)
            touched[gone] = met[gone] = met[:, gone] = 0.0
        message = np.flatnonzero(draw.random(labels) < most / labels)
        counts.add(message)
        for label in message.tolist():
            touched[label] = touched[label] * keep + 1
            met[label] *= keep
            met[label, message[message != label]] += 1
    assert counts.pairs == np.count_nonzero(met) // 2
    for label in range(labels):
        assert sorted(counts.partners(label)) == np.flatnonzero(met[label]).tolist()
        assert counts.count(label) == pytest.approx(touched[label])
        for other in np.flatnonzero(met[label]).tolist():
            expected = met[label, other] / touched[label]
            assert share_of(counts, label, other) == pytest.approx(expected, rel=1e-4)


def test_a_large_message_is_counted_fairly_and_in_part() -> None:
    """Of a message with many labels, each counts few partners, and in the long run all of them equally."""
    labels = list(range(101))
    counts = Cooccurrence(half_life=1e9)
    counts.add(labels)
    assert counts.pairs == len(labels) * PARTNERS // 2
    for _ in range(24):
        counts.add(labels)
    shares = [share_of(counts, 0, other) for other in labels[1:]]
    # 25 messages times 32 partners are 8 rounds of 100.
    assert shares == pytest.approx([1.0] * 100, rel=1e-4)


def test_a_changed_label_forgets_its_old_companions() -> None:
    """A label whose companions changed forgets the old ones long before they would have faded."""
    counts = Cooccurrence(half_life=1e5)
    for n in range(4000):
        counts.add([0, 1] if n % 2 else [2, 3])
    for n in range(200):
        counts.add([0, 2] if n % 2 else [1, 3])
    assert share_of(counts, 0, 2) > 0.8
    assert share_of(counts, 0, 1) < 0.2


@given(streams)
def test_similarities_are_symmetric_and_bounded(messages: list[set[int]]) -> None:
    """Similarities are symmetric and bounded."""
    counts = Cooccurrence()
    for message in messages:
        counts.add(sorted(message))
    alike = counts.among(list(range(LABELS)))
    assert np.all((alike >= -1) & (alike <= 1))
    np.testing.assert_allclose(alike, alike.T, atol=1e-12)


@pytest.mark.parametrize("density", [0.5, 0.1])
def test_independent_labels_are_not_alike_however_frequent(density: float) -> None:
    """Independent labels are not alike, however frequent, and nor do they avoid each other, however rare."""
    rng = np.random.default_rng(0)
    counts = Cooccurrence()
    for row in rng.random((int(2500 / density), 2)) < density:
        counts.add(np.flatnonzero(row).tolist())
    assert share_of(counts, 0, 1) == pytest.approx(density, rel=0.2)
    assert abs(counts.among([0, 1])[0, 1]) < 0.05


def test_counts_survive_being_brought_down() -> None:
    """Counts survive being brought down."""
    counts = Cooccurrence(half_life=1.0)
    for _ in range(4 * int(np.log2(RESCALE))):
        counts.add([0, 1])
    assert counts.count(0) == pytest.approx(2.0)
    assert share_of(counts, 0, 1) == pytest.approx(1.0)


def test_a_label_remembers_its_heaviest_partners_in_bounded_memory() -> None:
    """A label remembers its heaviest partners, in bounded memory."""
    counts = Cooccurrence()
    for n in range(5000):
        counts.add([0, 1 + n % 5, 10 + n])
    assert len(counts.partners(0)) <= WIDEST
    assert {1, 2, 3, 4, 5} <= set(counts.partners(0))


@settings(max_examples=25)
@given(streams, streams)
def test_state_round_trip(before: list[set[int]], after: list[set[int]]) -> None:
    """State round trip."""
    one, other = Cooccurrence(5.0), Cooccurrence(5.0)
    for message in before:
        one.add(sorted(message))
    other.load_state(one.state())
    for message in after:
        one.add(sorted(message))
        other.add(sorted(message))
    labels = list(range(LABELS))
    np.testing.assert_array_equal(one.among(labels), other.among(labels))


def test_stationary_companions_are_never_forgotten() -> None:
    """Without structure and with it, no label takes chance for a change of companions."""
    for stream in (independent_label_sets(50, 0.5, 0), label_sets(partition(50, 10, 0), 0.5, 0.2, 0)):
        counts = Cooccurrence()
        for labels in itertools.islice(stream, 10_000):
            counts.add(labels)
        assert not counts.tables[0]["changed"].any()
        assert counts.samples([0])[0] > 1500


def test_samples_are_what_decayed_counts_are_worth() -> None:
    """Counts that decay are worth as many messages as the variance of their mean tells; few are all."""
    counts, half_life = Cooccurrence(half_life=50.0), 50.0
    for _ in range(500):
        counts.add([0])
    weights = 0.5 ** (np.arange(500) / half_life)
    assert counts.samples([0])[0] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-3)
    counts = Cooccurrence(half_life=1e6)
    for _ in range(30):
        counts.add(list(range(65)))
    assert counts.samples([0])[0] == pytest.approx(15.0, rel=1e-3)


def test_ids_that_are_named_twice_count_once_and_those_of_no_label_not_at_all() -> None:
    """Compiled code wrote beyond the tables."""
    counts, other = Cooccurrence(), Cooccurrence()
    for _ in range(30):
        counts.add([2, 0, 2, 2])
        other.add([0, 2])
        for none in ([-1], [0, 1 << 31]):
            with pytest.raises(IndexError, match="at least 0 and below the size"):
                counts.add(none)
    counts.forget(np.zeros(0, dtype=np.intp))
    assert digest(counts.state()) == digest(other.state())
    clusters = Clusters()
    clusters.learn([0, 0], 1)
    for _ in range(2):
        with pytest.raises(IndexError, match="below the size of the label space, 1"):
            clusters.learn([5], 1)
    assert clusters.counts.messages == 1


def test_of_labels_that_never_came_nothing_is_known() -> None:
    """Those that there is only room for, those beyond it, and those that were forgotten."""
    counts = Cooccurrence()
    counts.reserve(3)
    counts.add([0, 1])
    counts.forget(np.array([1]))
    for unknown in (1, 2, 9):
        assert counts.samples([unknown]).tolist() == counts.frequencies([unknown]).tolist() == [0.0]
        assert counts.count(unknown) == 0.0
        assert not counts.among([0, unknown]).any()
    assert similarity(*counts.tables, 0, 0) == 0.0


def changed() -> tuple[Cooccurrence, int]:
    """Return counts of labels whose companions change after 4,000 messages, and when that was noticed."""
    counts, n = Cooccurrence(half_life=1e5), 0
    while not counts.tables[0]["changed"].any():
        one, other = ([0, 1], [2, 3]) if n < 4000 else ([0, 2], [1, 3])
        counts.add(one if n % 2 else other)
        n += 1
    return counts, n


def test_a_change_is_told_as_soon_as_chance_would_not_do_it() -> None:
    """Page's test, with shortfalls of at most three deviations less the slack, against its formula."""
    _, n = changed()
    shortfalls = (2 * math.log(n) - math.log(DELTA)) / (2 * SLACK) / (3 - SLACK)
    assert n - 4000 == 2 * math.ceil(shortfalls) - 1


def test_a_label_that_left_is_as_one_that_never_came() -> None:
    """Also one whose companions had changed, which is remembered of it."""
    counts, _ = changed()
    counts.forget(np.arange(4))
    assert not any(record.tobytes().strip(b"\0") for record in counts.tables[0])
