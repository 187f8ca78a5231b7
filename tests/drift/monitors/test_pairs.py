"""Pairs of labels: the monitor equals a plain one, whatever is dropped, forgotten and halved on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Observation
from drift.monitors import pairs
from drift.monitors.pairs import PairMonitor
from tests.drift.detectors.series import stored
from tests.drift.monitors.plain_pairs import Pair, PlainPairs


def told(monitor: PairMonitor, labels: list[int]) -> list[tuple[Pair, str, int, int]]:
    """Return what a plain monitor returns of a message."""
    ids = np.array(labels, dtype=np.intp)
    found = []
    for alarm in monitor.update(Observation(ids, ids)):
        first, second = map(int, alarm.subject.split(" + "))
        assert alarm.since is not None
        kind = "rise" if alarm.statistic > 0 else "fall"
        found.append(((first, second), kind, alarm.since, alarm.window))
    return sorted(found)


def watched(monitor: PairMonitor) -> dict[Pair, int]:
    """Return the pairs that are watched, and their weights."""
    state: Any = monitor.state()
    kept = np.setdiff1d(np.arange(len(state["ends"])), state["free"])
    return {
        (first, second): weight
        for (first, second), weight in zip(
            state["ends"][kept].tolist(), state["weights"][kept].tolist(), strict=True
        )
    }


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), partners=st.integers(1, 3), spread=st.floats(0.3, 3.0))
def test_pairs_equal_the_plain_ones(seed: int, partners: int, spread: float) -> None:
    """Which are watched, how heavy they are, and what changed when."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pairs, "HALVING_PERIOD", 300)
        patched.setattr(pairs, "MOST_CANDIDATES", 12)
        monitor, plain = PairMonitor(3000.0, partners), PlainPairs(3000.0, partners)
        draw = np.random.default_rng(seed)
        chances = [np.exp(-spread * draw.random(9)) / 2 for _ in range(3)]
        for n in range(1200):
            if n % 350 == 349:
                label = int(draw.integers(12))
                monitor.forget(np.array([label]))
                plain.forget(label)
            labels = np.flatnonzero(draw.random(9) < chances[n // 400]).tolist()
            assert told(monitor, labels) == plain.update(labels), f"at {n}"
            assert watched(monitor) == {pair: weight for pair, (_, weight) in plain.watched.items()}
        restored = PairMonitor(3000.0, partners)
        restored.load_state(stored(monitor.state()))
        assert watched(restored) == watched(monitor)


def test_pairs_that_meet_and_part_are_found_by_the_plain_one_too() -> None:
    """The comparison above is of streams on which something is found."""
    monitor, plain, found = PairMonitor(), PlainPairs(1.0, 8), 0
    for n in range(1200):
        together = n % 400 < 200 or n % 2 == 0
        labels = [1, 3] if together else [n % 4]
        expected = plain.update(labels)
        assert told(monitor, labels) == expected
        found += len(expected)
    assert found >= 4
