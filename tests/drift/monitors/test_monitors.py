"""The monitors together: quiet while nothing changes, quick when something does, exact when restored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm, Observation
from drift.detectors.catalogue import DETECTORS
from drift.monitors.monitors import Monitors
from tests.drift.detectors.series import stored


def stream(
    seed: int, length: int, *, error: float = 0.3, labels: float = 1.5, appear: float = 0.0
) -> list[Observation]:
    """Return messages of a learner that errs so often, with so many labels a message."""
    generator = np.random.default_rng(seed)
    messages = []
    for _ in range(length):
        actual = np.sort(generator.choice(40, min(int(generator.poisson(labels)), 40), replace=False))
        wrong = generator.random() < error
        predicted = np.append(actual[1:], 99) if wrong else actual
        appeared = [f"label-{generator.integers(10**9)}"] if generator.random() < appear else []
        messages.append(Observation(predicted, actual, appeared))
    return messages


def watch(monitors: Monitors, messages: list[Observation]) -> list[tuple[int, Alarm]]:
    """Return the alarms, each with the position of its message."""
    return [(n, alarm) for n, message in enumerate(messages) for alarm in monitors.update(message)]


def test_a_stationary_stream_is_quiet() -> None:
    """Three streams of 4,000 messages raise one alarm at the most."""
    alarms = [alarm for seed in range(3) for alarm in watch(Monitors(), stream(seed, 4000, appear=0.01))]
    assert len(alarms) <= 1, alarms


@pytest.mark.parametrize("seed", range(5))
def test_a_rise_of_errors_is_found_within_200_messages(seed: int) -> None:
    """From 30 to 70 % of wrong label-sets."""
    alarms = watch(Monitors(), stream(seed, 2000) + stream(seed + 50, 1000, error=0.7))
    first = {alarm.detector: n for n, alarm in reversed(alarms)}
    assert 2000 <= first["subset-error/adwin"] < 2200
    assert 2000 <= first["jaccard-error/adwin"] < 2300
    assert {(alarm.scope, alarm.subject) for _, alarm in alarms} == {("error", "stream")}
    for _, alarm in alarms:
        assert alarm.statistic > alarm.threshold > 0
        assert 0 < alarm.window <= 1000
        assert alarm.action == "none"


def test_a_learner_that_gets_better_is_no_alarm() -> None:
    """Errors that fall are what learning looks like."""
    assert watch(Monitors(), stream(0, 1000, error=0.9) + stream(1, 1000, error=0.2)) == []


@pytest.mark.parametrize(("before", "after", "sign"), [(1.0, 2.5, 1), (2.5, 1.0, -1)])
def test_more_or_fewer_labels_a_message_are_found_within_200(before: float, after: float, sign: int) -> None:
    """The sign tells more from fewer."""
    alarms = watch(Monitors(), stream(3, 2000, labels=before) + stream(4, 1000, labels=after))
    position, alarm = next((n, alarm) for n, alarm in alarms if alarm.detector == "cardinality/adwin")
    assert 2000 <= position < 2200
    assert alarm.scope == "prior"
    assert sign * alarm.statistic > alarm.threshold


def test_hundreds_of_labels_in_the_first_messages_raise_no_alarm() -> None:
    """A stream begins with births."""
    young = [
        message._replace(appeared=[f"{n}.{k}" for k in range(5)]) for n, message in enumerate(stream(5, 200))
    ]
    assert watch(Monitors(), young + stream(6, 3000)) == []


def test_a_burst_of_new_labels_is_one_alarm() -> None:
    """300 labels in 300 messages are one drift event."""
    burst = [message._replace(appeared=[f"new {n}"]) for n, message in enumerate(stream(8, 300))]
    alarms = watch(Monitors(), stream(7, 3000, appear=0.002) + burst)
    ((position, alarm),) = alarms
    assert 3000 <= position < 3040
    assert (alarm.detector, alarm.scope, alarm.action) == ("births/binomial", "prior", "labels added")
    assert alarm.statistic > alarm.threshold
    assert alarm.p is not None
    assert alarm.p < 0.001


def test_messages_with_incomplete_labels_say_nothing_of_their_number() -> None:
    """A producer that starts to send only some of the labels does not change the prior."""
    some = [message._replace(complete=False) for message in stream(12, 1000, labels=0.2)]
    assert watch(Monitors(), stream(11, 2000, labels=2.0) + some) == []


def test_the_configured_detector_watches_the_errors() -> None:
    """Every detector can be named."""
    for name in DETECTORS:
        parameters: dict[str, float | str | bool] = {"seed": 1} if name == "kswin" else {}
        alarms = watch(
            Monitors(name, parameters, ["errors"]), stream(9, 1000, error=0.1) + stream(10, 600, error=0.9)
        )
        assert f"subset-error/{name}" in {alarm.detector for _, alarm in alarms}, name
    with pytest.raises(ValueError, match=r"no detector named 'adwim'\. Did you mean 'adwin'"):
        Monitors("adwim")
    with pytest.raises(ValueError, match="no monitor 'eror': choose structure, errors"):
        Monitors(names=["eror"])


@pytest.mark.parametrize("detector", ["adwin", "page-hinkley", "hddm-w"])
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 99), cut=st.integers(0, 1000))
def test_state_round_trip(detector: str, seed: int, cut: int) -> None:
    """Stored at any point and restored, later alarms are equal."""
    messages = stream(seed, 700, error=0.1) + stream(seed, 300, error=0.8, labels=4.0, appear=0.2)
    kept, restored = Monitors(detector), Monitors(detector)
    watch(kept, messages[:cut])
    restored.load_state(stored(kept.state()))
    assert watch(restored, messages[cut:]) == watch(kept, messages[cut:])
