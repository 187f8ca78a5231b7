"""Loading takes over every value of the state of every monitor and detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from drift.alarms.alarm import Observation
from drift.detectors.catalogue import DETECTORS
from drift.monitors.monitors import Monitors
from tests.state_changes import not_taken_over

IMPLIED = ("adwin/lengths/last", "used/last", "counts/column 0", "meetings/column 1", "companions/column 0")
"""Ends of places whose values follow from others, or are keys of which there must not be two."""


class Change(NamedTuple):
    """A change of structure."""

    kind: str = "split"
    subject: str = "12"
    statistic: float = 0.1
    threshold: float = 0.2
    labels: Sequence[str] = ()


def observations(messages: int) -> list[Observation]:
    """Return messages that give every monitor something to keep."""
    draw, seen = np.random.default_rng(0), []
    for n in range(messages):
        actual = np.flatnonzero(draw.random(6) < (0.5 if n < messages // 2 else 0.2))
        actual = np.union1d(actual, [0, 1] if n % 3 else [2])
        seen.append(
            Observation(
                actual[1:],
                actual,
                appeared=[f"label {n}"] if n % 50 == 0 else [],
                best=(0, float(draw.random())),
                x=draw.normal(size=5).astype(np.float32),
                text="words " * (n % 7),
                clusters=[0, 1 + n % 3],
                wrong=[0] if n % 2 else [],
                changes=[Change()] if n % 40 == 0 else [],
                delay=n % 4,
                unlabelled=n % 3,
            )
        )
    return seen


def test_every_value_of_the_monitors_is_taken_over() -> None:
    """All of them together, while alarms are limited."""
    monitors = Monitors()
    alarms = [alarm for seen in observations(1300) for alarm in monitors.update(seen)]
    assert alarms
    lost = not_taken_over(Monitors, monitors.state())
    assert [place for place in lost if not place.endswith(IMPLIED)] == []


@pytest.mark.parametrize("name", DETECTORS)
def test_every_value_of_a_detector_is_taken_over(name: str) -> None:
    """After a shift that each notices."""
    kind: Any = DETECTORS[name]
    detector = kind(seed=1) if name == "kswin" else kind()
    for n in range(600):
        detector.update(float(n > 400 or n % 7 == 0))
    fresh = (lambda: kind(seed=1)) if name == "kswin" else kind
    assert not_taken_over(fresh, detector.state()) == []
