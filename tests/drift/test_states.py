"""Loading takes over every value of the state of every monitor and detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from drift.alarms.alarm import Observation
from drift.alarms.rate_limit import RateLimit
from drift.core import digest
from drift.detectors.catalogue import DETECTORS
from drift.monitors.births import LabelBirths
from drift.monitors.errors import ClusterErrorMonitor, ErrorMonitor
from drift.monitors.exclusions import ExclusionMonitor
from drift.monitors.labels import LabelRateMonitor
from drift.monitors.monitors import Monitors
from drift.monitors.pairs import PairMonitor
from drift.monitors.relations import RelationMonitor
from drift.monitors.vectors import VectorMonitor
from drift.statistics.blocks import BlockMeans
from drift.statistics.means import MeanBank
from drift.statistics.rates import RateBank
from drift.statistics.slots import Slots
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


def taught(kind: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """Return one that has seen something."""
    made, draw = kind(**parameters), np.random.default_rng(0)
    for n, seen in enumerate(observations(170)):
        if kind in DETECTORS_MADE:
            made.update(float(n > 100 or n % 7 == 0))
        elif isinstance(made, MeanBank):
            made.update(np.array([n % 3]), np.array([float(n % 2)]))
        elif isinstance(made, RateBank):
            made.update(np.array([n % 3]))
        elif isinstance(made, BlockMeans):
            made.update(draw.normal(size=4))
        elif isinstance(made, Slots):
            made.take([n % 2])
        elif isinstance(made, LabelBirths):
            made.update(n % 2)
        else:
            made.update([] if isinstance(made, RateLimit) else seen)
    return made


DETECTORS_MADE = tuple(DETECTORS[name] for name in DETECTORS)
ADWIN, DDM, EDDM, HDDMA, HDDMW, KSWIN, PageHinkley = DETECTORS_MADE
OTHERS: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (ADWIN, {}, {"max_buckets": 20}),
    (ADWIN, {}, {"delta": 0.1}),
    (DDM, {}, {"warm_start": 3}),
    (EDDM, {}, {"beta": 0.8}),
    (HDDMA, {}, {"drift_confidence": 0.01}),
    (HDDMW, {}, {"two_sided_test": True}),
    (KSWIN, {"seed": 1}, {"window_size": 300}),
    (KSWIN, {"seed": 1}, {"seed": 2}),
    (PageHinkley, {}, {"threshold": 20.0}),
    (MeanBank, {}, {"buckets": 5}),
    (RateBank, {}, {"budget": 2.0}),
    (BlockMeans, {}, {"alpha": 0.1}),
    (Slots, {"size": 10}, {"size": 3}),
    (RateLimit, {}, {"length": 5}),
    (LabelBirths, {}, {"length": 50}),
    (ErrorMonitor, {}, {"detector": "ddm"}),
    (ErrorMonitor, {}, {"parameters": {"clock": 8}}),
    (ClusterErrorMonitor, {}, {"clusters": 1}),
    (LabelRateMonitor, {}, {"budget": 2.0}),
    (PairMonitor, {}, {"partners": 2}),
    (ExclusionMonitor, {}, {"budget": 2.0}),
    (RelationMonitor, {}, {"share": 0.8}),
    (VectorMonitor, {}, {"block": 20}),
    (Monitors, {}, {"names": ["errors", "vectors"]}),
    (Monitors, {}, {"detector": "kswin", "parameters": {"seed": 1}}),
]


@pytest.mark.parametrize(("kind", "usual", "changed"), OTHERS)
def test_the_state_of_other_parameters_changes_nothing(
    kind: Callable[..., Any], usual: dict[str, Any], changed: dict[str, Any]
) -> None:
    """It was taken over, or by half: of a longer block, for one, the next message lay beyond the vectors."""
    one, other = taught(kind, usual), taught(kind, usual | changed)
    for mine, theirs in ((one, other), (other, one)):
        before = digest(mine.state())
        with pytest.raises(ValueError, match=rf"The state is of \w+ with {next(iter(changed))}="):
            mine.load_state(theirs.state())
        assert digest(mine.state()) == before
    again = kind(**usual)
    again.load_state(one.state())
    assert digest(again.state()) == digest(one.state())


def test_the_state_of_another_kind_changes_nothing() -> None:
    """Two of them have the same fields."""
    rises, means = taught(RateBank, {}), MeanBank()
    before = digest(means.state())
    with pytest.raises(ValueError, match="The state is of RateBank, and this is MeanBank"):
        means.load_state(rises.state())
    assert digest(means.state()) == before


def test_states_without_parameters_are_loaded() -> None:
    """Those of version 0.2.0, which named none at any depth."""

    def unnamed(state: Any) -> Any:
        if not isinstance(state, dict):
            return state
        return {key: unnamed(each) for key, each in state.items() if key != "parameters"}

    one, again = taught(Monitors, {}), Monitors()
    again.load_state(unnamed(one.state()))
    assert digest(again.state()) == digest(one.state())


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "x"])
def test_a_value_that_is_no_number_changes_nothing(name: str, value: Any) -> None:
    """After one NaN most of them never found a drift again."""
    kind: Any = DETECTORS[name]
    detector = kind(seed=1) if name == "kswin" else kind()
    detector.update(0.5)
    before = digest(detector.state())
    with pytest.raises((TypeError, ValueError)):
        detector.update(value)
    assert digest(detector.state()) == before
