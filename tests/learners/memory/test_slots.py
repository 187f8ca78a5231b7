"""Which message leaves a full memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.memory import Slots


def labels(*ids: int) -> np.ndarray:
    """Return ids of labels as an array."""
    return np.array(ids, dtype=np.intp)


def plainly(capacity: int, enough: int, stream: list[list[int]]) -> list[list[int]]:
    """Return the label-sets that a plain version keeps, in order of arrival."""
    kept: list[list[int]] = []
    for message in stream:
        if len(kept) == capacity:
            named = [each or [-1] for each in kept]
            counts = {label: sum(label in each for each in named) for each in named for label in each}
            common = [min(counts[label] for label in each) for each in named]
            least = min(enough, sorted(common)[capacity // 2])
            kept.pop(next(place for place, count in enumerate(common) if count >= least))
        kept.append(message)
    return kept


@given(
    st.integers(1, 9),
    st.integers(0, 5),
    st.lists(st.lists(st.integers(0, 6), max_size=3, unique=True), max_size=40),
)
def test_equals_a_plain_version(capacity: int, enough: int, stream: list[list[int]]) -> None:
    """Every message that a plain version keeps is kept, and no other."""
    slots, kept = Slots(capacity, enough), {}
    for message in stream:
        kept[slots.place(labels(*sorted(message)))] = message
    order = sorted(kept, key=slots.numbers.__getitem__)
    assert [kept[place] for place in order] == plainly(capacity, enough, stream)


def test_a_flood_of_one_label_spares_a_silent_one() -> None:
    """Below `enough` messages of a label a flood of another spares them; with 0 all that is old leaves."""
    for enough, silent in ((3, 2), (0, 0)):
        slots = Slots(capacity=20, enough=enough)
        for _ in range(5):
            slots.place(labels(7))
        for _ in range(200):
            slots.place(labels(1))
        assert slots.counts(8)[7] == silent
        assert np.count_nonzero(slots.numbers > 205 - (20 - silent)) == 20 - silent
