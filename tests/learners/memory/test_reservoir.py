"""Which message leaves a memory that holds a sample of each label's messages."""

from __future__ import annotations

import numpy as np
import pytest

from learners.memory.reservoir import BalancedReservoir


def labels(*ids: int) -> np.ndarray:
    """Return ids of labels as an array."""
    return np.array(ids, dtype=np.intp)


def test_labels_share_the_places_equally() -> None:
    """A label with one message in ten has as many places as the others, once it came often enough."""
    reservoir = BalancedReservoir(capacity=30, horizon=1000)
    for n in range(1000):
        reservoir.place(labels(0 if n % 10 == 0 else 1 + n % 2))
    # What leaves is counted before what comes.
    assert all(9 <= count <= 11 for count in reservoir.counts(3))


@pytest.mark.parametrize(("horizon", "low", "high"), [(10**9, 0.4, 0.6), (500, 0.8, 0.95)])
def test_messages_stay_at_random_and_older_ones_less_often(horizon: int, low: float, high: float) -> None:
    """With a long horizon those that stay are from all of the stream; with a shorter one from its end."""
    reservoir = BalancedReservoir(capacity=100, horizon=horizon)
    for _ in range(4000):
        reservoir.place(labels(1))
    assert low < reservoir.numbers.mean() / 4000 < high


def test_a_message_stands_for_its_rarest_label() -> None:
    """Messages that also carry a common label stay for the sake of the rare one."""
    reservoir = BalancedReservoir(capacity=20, horizon=100)
    rare = {reservoir.place(labels(0, 1)) for _ in range(5)}
    others = {reservoir.place(labels(1)) for _ in range(300)}
    assert reservoir.counts(2)[0] == 5
    assert rare.isdisjoint(others)
    reservoir.forget(labels(0))
    assert reservoir.counts(2).tolist() == [0, 20]
