"""The distribution of vectors: what each detector sees, and how seldom it errs."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm, Observation
from drift.monitors.vectors import DIRECTIONS, VectorMonitor, _features, participation_ratio
from drift.statistics.blocks import BlockMeans
from tests.drift.detectors.series import stored

NOTHING = np.zeros(0, dtype=np.intp)


def watch(monitor: VectorMonitor, vectors: Any) -> list[tuple[int, Alarm]]:
    """Return the alarms on rows of an array, each with its position."""
    alarms = [
        (n, alarm)
        for n, x in enumerate(vectors)
        for alarm in monitor.update(Observation(NOTHING, NOTHING, x=x.astype(np.float32)))
    ]
    # Numpy's numbers pass for plain ones until somebody writes them down.
    plain = {str, int, float, type(None)}
    assert all(type(each) in plain for _, alarm in alarms for each in (*alarm[:-1], *alarm.labels))
    return alarms


def normal(seed: int, messages: int, features: int = 12) -> Any:
    """Return standard normal vectors."""
    return np.random.default_rng(seed).normal(size=(messages, features))


def test_a_stationary_stream_is_quiet() -> None:
    """50,000 messages of correlated, skewed features raise one or two alarms."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(12, 12))
    alarms = [
        alarm
        for _ in range(5)
        for alarm in watch(VectorMonitor(), np.exp(generator.normal(size=(10_000, 12)) @ mixing / 8))
    ]
    assert len(alarms) <= 2, alarms


def test_a_move_is_found_in_its_first_two_blocks_with_its_size() -> None:
    """The Fréchet distance of two unit Gaussians 3 apart is 9, of 12 of variance."""
    moved = normal(1, 3000)
    moved[2000:, 0] += 3.0
    found = {alarm.detector: (n, alarm) for n, alarm in reversed(watch(VectorMonitor(), moved))}
    n, alarm = found["mean/frechet"]
    assert n == 2099
    assert alarm.statistic == pytest.approx(9 / 12, abs=0.25)
    assert alarm.statistic > alarm.threshold
    assert (alarm.since, alarm.scope) == (100, "vector")
    assert alarm.p is not None
    assert alarm.p < 1e-3


def test_only_the_shape_changes_and_mmd_sees_it() -> None:
    """Features of equal mean and variance that are two points instead of a bell."""
    bells, points = normal(2, 3000, 2), np.sign(normal(3, 1500, 2))
    found = {alarm.detector: n for n, alarm in reversed(watch(VectorMonitor(), np.vstack([bells, points])))}
    assert found["distribution/mmd"] <= 3299


def test_a_collapse_is_a_fall_of_the_rank() -> None:
    """Twelve directions become two."""
    flat = normal(4, 3000)
    flat[2000:] = np.repeat(flat[2000:, :2], 6, axis=1)
    ranks = [alarm for _, alarm in watch(VectorMonitor(), flat) if alarm.detector == "rank/participation"]
    assert ranks
    assert ranks[0].before is not None
    assert ranks[0].after is not None
    assert ranks[0].after < 2.5 < 8 < ranks[0].before
    assert ranks[0].statistic < 0


def test_missing_values_are_no_drift_and_longer_vectors_are_taken() -> None:
    """NaN counts as the usual value; a new feature at zero changes nothing."""
    holes = normal(5, 6000)
    holes[3000:][np.random.default_rng(6).random((3000, 12)) < 0.02] = np.nan
    assert [alarm.detector for _, alarm in watch(VectorMonitor(), holes)] == []
    monitor = VectorMonitor()
    watch(monitor, normal(7, 1500))
    longer = np.pad(normal(8, 1500), ((0, 0), (0, 3)))
    assert watch(monitor, longer) == []


@settings(max_examples=6, deadline=None)
@given(cut=st.integers(0, 1500), features=st.sampled_from([3, 300]))
def test_state_round_trip(cut: int, features: int) -> None:
    """Stored at any point, in the middle of a block too, later alarms are equal."""
    moved = normal(9, 1500, features)
    moved[1000:] += 1.0
    kept, restored = VectorMonitor(), VectorMonitor()
    watch(kept, moved[:cut])
    restored.load_state(stored(kept.state()))
    assert watch(restored, moved[cut:]) == watch(kept, moved[cut:])


def test_the_chance_of_a_false_alarm_is_as_given() -> None:
    """5,000 blocks at one in a hundred: 50 false alarms, or fewer, since stretches overlap."""
    generator, test = np.random.default_rng(1), BlockMeans(alpha=0.01)
    scales = generator.uniform(0.1, 3.0, size=10)
    alarms = sum(test.update(generator.normal(size=10) * scales) is not None for _ in range(5_000))
    assert 1 <= alarms <= 75


@pytest.mark.parametrize("rank", [384, 120, 60, 5, 1])
def test_true_ranks_are_told_apart(rank: int) -> None:
    """Also those above the size of a block; of heavy tails too."""
    generator = np.random.default_rng(rank)
    mixing = np.linalg.qr(generator.normal(size=(384, 384)))[0][:rank]
    draws = (generator.normal, lambda size: generator.standard_t(5, size=size))
    for draw in draws:
        ratios = [participation_ratio(draw(size=(50, rank)) @ mixing + 3.0) for _ in range(40)]
        assert np.mean(ratios) == pytest.approx(rank, rel=0.1)
    assert participation_ratio(np.ones((5, 4))) == 1.0


@pytest.mark.parametrize(("vectors", "features"), [(4, 2), (5, 3), (7, 9)])
def test_a_rank_is_estimated_from_all_quadruples(vectors: int, features: int) -> None:
    """The mean over all of them is the unbiased estimate of the squared matrix's trace, and costs n^4."""
    for seed in range(5):
        drawn = np.random.default_rng(seed).normal(size=(vectors, features)) ** 3
        trace = np.trace(np.atleast_2d(np.cov(drawn.T)))
        products = [
            float((drawn[a] - drawn[b]) @ (drawn[c] - drawn[d])) ** 2 / 4
            for a, b, c, d in permutations(range(vectors), 4)
        ]
        # A matrix of so many features, of which one or all hold the variance.
        square = np.clip(np.mean(products), trace**2 / features, trace**2)
        assert participation_ratio(drawn) == pytest.approx(trace**2 / square)


def test_a_kernel_sees_what_its_features_say() -> None:
    """Cosines and sines of what lies in each direction, at two widths, so that a square has length one."""
    seen = np.random.default_rng(0).normal(size=(50, DIRECTIONS))
    means = _features(seen)
    assert means.shape == (2 * DIRECTIONS,)
    assert _features(seen[:1]) @ _features(seen[:1]) == pytest.approx(1.0)
    pairs = np.cos(seen[:, None] - seen[None])
    pairs[:, :, ::2] = np.cos(2 * (seen[:, None, ::2] - seen[None, :, ::2]))
    assert means @ means == pytest.approx(pairs.mean())


def test_refuses_bad_parameters() -> None:
    """The errors say what was got."""
    with pytest.raises(ValueError, match=r"block in \[10, inf\)\. Got 1.0, 5"):
        VectorMonitor(block=5)
    with pytest.raises(ValueError, match=r"'alpha' .* Got 2"):
        BlockMeans(alpha=2)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_a_rank_has_no_scale(scale: float) -> None:
    """Vectors in other units have the same."""
    drawn = np.random.default_rng(0).normal(size=(30, 8))
    assert participation_ratio(scale * drawn) == pytest.approx(participation_ratio(drawn))


NEAR = ("mean/frechet", "distribution/mmd")
WILD = [1e3, -999.0, 1e6, -1e9, 3e38]


def found_after(vectors: Any, start: int) -> dict[str, int]:
    """Return how many messages after a start each detector first alarms."""
    alarms = [(n, alarm.detector) for n, alarm in watch(VectorMonitor(), vectors) if n >= start]
    return {detector: n - start + 1 for n, detector in reversed(alarms)}


@settings(max_examples=12, deadline=None)
@given(
    places=st.sets(st.integers(0, 2999), min_size=1, max_size=4),
    every=st.sampled_from([1000, 10_000]),
    value=st.sampled_from(WILD),
    features=st.sampled_from([1, 8]),
)
def test_wild_values_neither_hide_a_drift_nor_are_one(
    places: set[int], every: int, value: float, features: int
) -> None:
    """Wherever they stand, however large they are; of one feature or of all, a few or for ever."""
    moved = normal(10, 3200, 8)
    moved[3000:] += 1.0
    moved[[*places, *range(0, 3000, every)], :features] = value
    alarms = watch(VectorMonitor(), moved)
    assert all(n >= 3000 for n, _ in alarms)
    assert {alarm.detector for n, alarm in alarms if n < 3150} >= {*NEAR}


def test_many_far_messages_are_a_drift() -> None:
    """A fifth of them, where a few would be strays."""
    moved = normal(11, 3000)
    moved[2000:][np.random.default_rng(12).random(1000) < 0.2] += 1e6
    assert found_after(moved, 2000)["mean/frechet"] <= 200


def test_rare_values_of_features_that_are_mostly_0_are_no_strays() -> None:
    """Nearly all messages are equal, and the share of those that are not changes from 2 to 20 %."""
    rare = np.zeros((5000, 4))
    draw = np.random.default_rng(13).random(5000)
    rare[draw < np.where(np.arange(5000) < 3000, 0.02, 0.2), 1] = 1.0
    assert found_after(rare, 3000)["mean/frechet"] <= 200


@pytest.mark.parametrize("burst", [slice(0, 50), slice(1000, 1120)])
def test_after_a_burst_of_wild_messages_drifts_are_found(burst: slice) -> None:
    """Blocks full of them are a drift themselves, and hide no later one."""
    moved = normal(14, 4200, 8)
    moved[4000:] += 1.0
    moved[burst] = 3e38
    assert found_after(moved, 4000).keys() >= {*NEAR}


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_kernel_is_as_wide_as_the_vectors(unit: float) -> None:
    """After they came in another unit, its test sees a change of shape as it did before."""
    bells, points = unit * normal(2, 3000, 2), unit * np.sign(normal(3, 500, 2))
    moved = np.vstack([normal(15, 1000, 2), bells, points])
    assert found_after(moved, 4000)["distribution/mmd"] <= 500


@pytest.mark.parametrize("equal", [200, 1000])
def test_a_beginning_of_equal_messages_hides_nothing(equal: int) -> None:
    """The noise is 0 at first, and grows with the messages that differ."""
    moved = normal(18, 4200, 8)
    moved[4000:] += 1.0
    moved[:equal] = 0.0
    assert found_after(moved, 4000).keys() >= {*NEAR}


def test_values_missing_at_first_count_as_the_median() -> None:
    """Not as 0, which lies far from the others and would be the kernel's width."""
    moved = 1e4 + normal(16, 3200, 8)
    moved[:50][np.random.default_rng(17).random((50, 8)) < 0.3] = np.nan
    moved[3000:] += 1.0
    assert found_after(moved, 3000)["distribution/mmd"] <= 200
