"""How alike labels are: bounds that hold whatever the chance that they meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.cluster.adjacency import MESSAGES
from learners.cluster.comparison import evidence
from learners.cluster.cooccurrence import Cooccurrence
from learners.cluster.similarity import DOUBT, at_least, frequency, jaccard

SHARES = st.floats(0.0, 0.95)


@given(alike=st.floats(-0.5, 1.0), chance=SHARES, sample=st.floats(0.0, 1e6))
def test_the_least_is_no_more_than_what_was_seen(alike: float, chance: float, sample: float) -> None:
    """What is sure is no more than what was seen, and at most a little below nothing."""
    least = at_least(alike, chance, sample)
    assert least <= max(alike, -chance / (1.0 - chance)) + 1e-9
    assert least >= -chance / (1.0 - chance) - 1e-9


@given(one=SHARES, other=SHARES, chance=SHARES, sample=st.floats(0.1, 1e5))
def test_what_looks_more_alike_is_surely_more_alike(
    one: float, other: float, chance: float, sample: float
) -> None:
    """Of two labels seen as often, those that look more alike are surely more alike, too."""
    low, high = sorted((one, other))
    assert at_least(low, chance, sample) <= at_least(high, chance, sample) + 1e-9


def test_one_message_says_little_however_alike_labels_look() -> None:
    """Labels that met on their only message are not surely alike; after a thousand they are."""
    assert at_least(1.0, 0.0, 1.0) < 0.1
    assert at_least(1.0, 0.0, 1000.0) > 0.95


@pytest.mark.parametrize("chance", [0.01, 0.3])
def test_labels_that_meet_at_random_are_not_surely_alike(chance: float) -> None:
    """Of many pairs that meet by chance only, as often as chance allows, next to none is surely alike."""
    rng, sample = np.random.default_rng(0), 500.0
    either = 2.0 * sample / (1.0 + chance)
    indices = rng.binomial(int(either), chance, 20_000) / int(either)
    sure = [at_least((index - chance) / (1.0 - chance), chance, sample) > 0.0 for index in indices]
    assert np.mean(sure) < 1e-3
    assert DOUBT >= 4.0


@pytest.mark.parametrize("chance", [0.02, 0.3])
def test_evidence_bounds_the_chance_to_be_misled(chance: float) -> None:
    """Evidence of e against what is true is seen no oftener than 2 exp(-e), either side."""
    rng, sample = np.random.default_rng(1), 400.0
    either = int(2.0 * sample / (1.0 + chance))
    indices = rng.binomial(either, chance, 20_000) / either
    # Counted for as many messages as there are at that index: what the bound is about.
    against = np.array(
        [
            evidence(either * (1.0 + index) / 2.0, (index - chance) / (1.0 - chance), 0.0, chance)
            for index in indices
        ]
    )
    for least in (1.0, 2.0, 4.0):
        assert (against >= least).mean() <= 2.0 * np.exp(-least)


@pytest.mark.parametrize("half_life", [1.0, 20.0, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_similarities_are_what_the_rarer_labels_messages_say(half_life: float, seed: int) -> None:
    """Against plain sums over all messages; with half lives so short that weights are brought down."""
    draw, size, keep = np.random.default_rng(seed), 6, 0.5 ** (1 / half_life)
    messages = [np.flatnonzero(row) for row in draw.random((120, size)) < draw.uniform(0.1, 0.6, size)]
    counts = Cooccurrence(half_life)
    for message in messages:
        counts.add(message.tolist())
    assert not counts.tables[0]["changed"].any()
    times = [np.array([n for n, each in enumerate(messages) if label in each]) for label in range(size)]
    weights = [keep ** np.arange(len(each) - 1, -1, -1) for each in times]
    known = [each.sum() for each in weights]
    gaps = [np.diff(each, prepend=each[0] - 1) for each in times]
    often = [
        count / (weight @ gap + (len(messages) - 1 - each[-1]))
        for count, weight, gap, each in zip(known, weights, gaps, times, strict=True)
    ]
    labels, _, book = counts.tables
    assert [frequency(labels, label, book[MESSAGES]) for label in range(size)] == pytest.approx(often)
    alike = counts.among(list(range(size)))
    for a in range(size):
        for b in range(size):
            if a == b:
                continue
            rarer, other = sorted((a, b), key=lambda label: (known[label], label))
            met = weights[rarer] @ np.isin(times[rarer], times[other]) / known[rarer]
            both = min(met * often[rarer], often[other])
            observed = both / (often[a] + often[b] - both)
            chance = often[a] * often[b] / (often[a] + often[b] - often[a] * often[b])
            assert alike[a, b] == pytest.approx((observed - chance) / (1 - chance), abs=1e-4)


@pytest.mark.parametrize(
    ("both", "one", "other", "index"),
    [(0, 0, 0, 0), (0, 0.2, 0.3, 0), (0.1, 0.1, 0.1, 1), (0.1, 0.2, 0.3, 0.25)],
)
def test_the_jaccard_index_is_what_is_shared_of_what_there_is(
    both: float, one: float, other: float, index: float
) -> None:
    """Of nothing, nothing."""
    assert jaccard(both, one, other) == pytest.approx(index)
