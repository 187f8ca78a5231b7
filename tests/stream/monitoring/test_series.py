"""Sums in buckets equal those of a plain model that keeps every value."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.monitoring.series import AT, FIELDS, Buckets, scores

Added = tuple[float, int]
"""A position, and how many messages were scored there."""
VALUES = st.lists(
    st.tuples(st.floats(-50, 50, allow_subnormal=False), st.integers(0, 4)), min_size=1, max_size=30
)


def filled(values: list[Added], most: int, *, widens: bool) -> Buckets:
    """Return buckets of width 1/2 with some values."""
    buckets = Buckets(0.5, most, widens=widens)
    for at, count in values:
        buckets.add(at, scored=count, predictions=1)
    return buckets


def plain(values: list[Added], width: float) -> dict[float, tuple[float, float]]:
    """Return the scored messages and the predictions by bucket."""
    sums: dict[float, tuple[float, float]] = {}
    for at, count in sorted(values):
        begin = math.floor(at / width) * width
        scored, predictions = sums.get(begin, (0.0, 0.0))
        sums[begin] = scored + count, predictions + 1
    return sums


def seen(sums: list[float]) -> tuple[float, float]:
    """Return the same two figures; all others are 0."""
    assert sum(sums) == sums[AT["scored"]] + sums[AT["predictions"]]
    assert len(sums) == len(FIELDS)
    return sums[AT["scored"]], sums[AT["predictions"]]


@given(values=VALUES, most=st.integers(2, 6))
def test_the_whole_axis_is_kept_at_the_least_width_that_suffices(values: list[Added], most: int) -> None:
    """Whatever the order of the values."""
    width = 0.5
    places = [at for at, _ in values]
    while math.floor(max(places) / width) - math.floor(min(places) / width) >= most:
        width *= 2
    for order in (values, sorted(values), sorted(values, reverse=True)):
        buckets = filled(order, most, widens=True)
        assert buckets.width == width
        assert {begin: seen(sums) for begin, sums in buckets} == plain(values, width)
        assert len(buckets) == len(plain(values, width))


@given(values=VALUES, most=st.integers(2, 6))
def test_else_the_last_buckets_are_kept(values: list[Added], most: int) -> None:
    """With their width; values in order."""
    buckets = filled(sorted(values), most, widens=False)
    assert {begin: seen(sums) for begin, sums in buckets} == dict(list(plain(values, 0.5).items())[-most:])


@given(values=VALUES, since=st.floats(-60, 60))
def test_totals_begin_with_the_bucket_of_a_position(values: list[Added], since: float) -> None:
    """Which counts whole."""
    expected = [sums for begin, sums in plain(values, 0.5).items() if begin + 0.5 > since]
    total = filled(values, 10**6, widens=True).total(since)
    assert seen(total) == (sum(scored for scored, _ in expected), sum(count for _, count in expected))


@given(values=VALUES, messages=st.integers(1, 12))
def test_windows_are_the_shortest_with_enough_messages(values: list[Added], messages: int) -> None:
    """Or everything so far, where that is less."""
    sums = list(plain(values, 0.5).items())
    for n, (begin, window) in enumerate(filled(values, 10**6, widens=True).trailing(messages)):
        lengths = [
            k for k in range(1, n + 2) if sum(one[0] for _, one in sums[n + 1 - k : n + 1]) >= messages
        ]
        inside = [one for _, one in sums[n + 1 - min(lengths, default=n + 1) : n + 1]]
        assert begin == sums[n][0]
        assert seen(window) == (sum(scored for scored, _ in inside), sum(count for _, count in inside))


@given(values=VALUES)
def test_lines_fall_to_zero_in_a_gap(values: list[Added]) -> None:
    """An empty bucket stands at either end of it."""
    buckets = filled(values, 10**6, widens=True)
    drawn = [(begin, seen(sums)) for begin, sums in buckets.filled()]
    there = {begin: seen(sums) for begin, sums in buckets}
    ends = {end for begin in there for end in (begin - 0.5, begin + 0.5) if min(there) < end < max(there)}
    assert drawn == sorted({end: there.get(end, (0.0, 0.0)) for end in ends | set(there)}.items())
    assert all(a < b for (a, _), (b, _) in pairwise(drawn))


def test_scores_are_those_of_their_definitions() -> None:
    """Skill is (a - p) / (1 - p), and 0 where repeating the labels is always right."""
    buckets = Buckets(1.0, 9)
    assert scores(buckets.total()) is None
    buckets.add(0, scored=8, exact=6, hits=7, predicted=9, actual=12)
    buckets.add(0, persistence_exact=2, persistence_hits=3, persistence_predicted=8)
    assert scores(buckets.total()) == pytest.approx(
        {
            "subset_accuracy": 6 / 8,
            "micro_f1": 2 * 7 / (9 + 12),
            "persistence_subset_accuracy": 2 / 8,
            "persistence_micro_f1": 2 * 3 / (8 + 12),
            "skill": (6 / 8 - 2 / 8) / (1 - 2 / 8),
            "messages": 8,
        }
    )
    buckets.add(0, persistence_exact=6)
    assert (scores(buckets.total()) or {})["skill"] == 0.0
