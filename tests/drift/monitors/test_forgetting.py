"""Labels that leave: nothing that was counted for an id is counted for the label that gets it."""

from __future__ import annotations

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import digest
from drift.monitors import Monitors

NAMES = ["labels", "pairs", "exclusions", "relations"]


def told(
    monitors: Monitors, labels: list[int], messages: int, returned: list[int] | None = None
) -> list[Alarm]:
    """Return the alarms from messages that carry some labels, and 0 without them, in turn."""
    alarms = []
    for n in range(messages):
        actual = np.array([0, *labels] if n % 2 else [6])
        alarms += monitors.update(
            Observation(actual, actual, returned=returned if returned and n == 1 else ())
        )
    return alarms


def test_a_label_that_gets_the_id_of_another_starts_anew() -> None:
    """All that the monitors of labels keep by id is gone, and other labels' is as it was."""
    monitors, restored = Monitors(names=NAMES), Monitors(names=NAMES)
    assert {alarm.detector for alarm in told(monitors, [3, 4], 1200)} >= {"identical/chernoff"}
    monitors.forget(np.array([3, 4]))
    state = monitors.state()["monitors"]
    assert not {3, 4} & set(state["pairs"]["counts"][:, :2].ravel().tolist())
    watched = np.delete(state["pairs"]["ends"], state["pairs"]["free"], axis=0)
    assert not {3, 4} & set(watched.ravel().tolist())
    for name in ("pairs", "meetings"):
        assert not {3, 4} & set(state["exclusions"][name][:, :2].ravel().tolist())
    for name in ("companions", "within", "open"):
        assert not {3, 4} & set(state["relations"][name][:, :2].ravel().tolist())
    assert state["labels"]["silent"][[0, 3, 4, 6]].tolist() == [False, True, True, False]
    restored.load_state(monitors.state())
    assert told(monitors, [3], 300) == told(restored, [3], 300)
    assert digest(monitors.state()) == digest(restored.state())


def test_a_label_that_is_back_is_not_reported_as_new() -> None:
    """It was new once; a label that nobody knew before is reported."""
    for returned, reported in (([3], 0), ([], 1)):
        monitors = Monitors(names=["labels"])
        told(monitors, [3], 600)
        monitors.forget(np.array([3]))
        told(monitors, [], 600)
        alarms = told(monitors, [3], 600, returned)
        assert sum(alarm.detector == "label-new/rates" for alarm in alarms) == reported
