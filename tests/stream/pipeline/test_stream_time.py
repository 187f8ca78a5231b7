"""Wrong clocks neither lose what waits for its labels, nor switch the horizon off."""

from __future__ import annotations

import json

import numpy as np
import pytest

from learners.core.prediction import Prediction
from stream.pipeline.feedback import FeedbackStore
from stream.records.schema import Event, Feedback

PREDICTION = Prediction(np.array([1]), np.array([0.1, 0.9], dtype=np.float32))
FUTURE = 4e9


def fed(stamps: list[float], restarted: bool = False) -> FeedbackStore:
    """Return a store with an event for each time stamp, its id the number; perhaps restarted each time."""
    store = FeedbackStore(horizon_s=100)
    for number, ts in enumerate(stamps):
        store.remember(Event(id=str(number), ts=ts), np.ones(1, np.float32), PREDICTION)
        if restarted:
            state, store = store.state(), FeedbackStore(horizon_s=100)
            store.load_state(json.loads(json.dumps(state, default=np.ndarray.tolist)))
    return store


def joins(store: FeedbackStore, *numbers: int) -> list[bool]:
    """Return which events labels still join."""
    return [store.join(Feedback(id=str(number), ts=0, labels=["a"])) is not None for number in numbers]


def test_one_wild_clock_does_not_make_all_labels_late() -> None:
    """A time stamp of the year 9999 is one of nine."""
    store = fed([2.5e11 if number == 10 else number for number in range(20)])
    assert all(joins(store, *range(20)))


@pytest.mark.parametrize("wrong", [1, 4, 9])
@pytest.mark.parametrize("restarted", [False, True])
def test_wrong_clocks_at_the_beginning_do_not_switch_the_horizon_off(wrong: int, restarted: bool) -> None:
    """Once the clocks are right, all that came is dated anew."""
    store = fed([FUTURE] * wrong + [0.0] * 50 + [101.0] * 50, restarted)
    assert joins(store, 0, 20, wrong + 45, wrong + 80) == [False, False, False, True]


@pytest.mark.parametrize("wrong", range(1, 7))
def test_six_wrong_clocks_in_a_row_lose_nothing(wrong: int) -> None:
    """Two thirds of the stamps that count."""
    assert all(joins(fed([0.0] * 20 + [FUTURE] * wrong + [10.0] * 20), 3, 21, 30))


def test_time_comes_back_after_more_wrong_clocks() -> None:
    """What they made too old is lost; what came since is kept as long as all else, across restarts too."""
    stamps = [0.0] * 20 + [FUTURE] * 8 + [10.0] * 20 + [90.0] * 20
    assert joins(fed(stamps, restarted=True), 3, 27, 28, 47, 60) == [False, True, True, True, True]
    assert joins(fed([*stamps, *[111.0] * 9], restarted=True), 27, 28, 47, 60) == [False, False, False, True]


def test_a_silence_longer_than_the_horizon_is_believed() -> None:
    """Also with two clocks of nine that lag behind."""
    late = [1.0 if number % 9 in (3, 7) else 1_000.0 for number in range(9)]
    assert joins(fed([0.0] * 20 + late), 3, 28) == [False, True]
