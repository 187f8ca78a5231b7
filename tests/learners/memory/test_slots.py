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


def weighed(slots: Slots, numbers: list[int]) -> list[float]:
    """Return what messages weigh, of which each weighed as much before, as multiples of the last one."""
    places = np.array([slots.numbers.tolist().index(number) for number in numbers])
    weights = np.full(len(places), 1 / len(places))
    slots.weigh(places, weights)
    assert np.isclose(weights.sum(), 1)
    found: list[float] = (weights / weights[-1]).tolist()
    return found


def test_a_message_that_stayed_for_a_rare_label_weighs_as_much_as_the_label_is_frequent() -> None:
    """Three messages in 150 are kept: they stand for the share of them that 20 messages have."""
    slots = Slots(capacity=20, enough=4)
    for n in range(1, 1001):
        slots.place(labels(7) if n % 50 == 0 else labels(1))
    assert np.allclose(weighed(slots, [850, 900, 950, 1000]), [20 / 150] * 3 + [1])


@given(
    st.integers(1, 9),
    st.integers(0, 5),
    st.lists(st.lists(st.integers(0, 6), max_size=3, unique=True), min_size=1, max_size=40),
)
def test_weights_equal_a_plain_version(capacity: int, enough: int, stream: list[list[int]]) -> None:
    """What stayed for its rarest label weighs capacity / messages since the first one of that."""
    slots, said = Slots(capacity, enough), {}
    for number, message in enumerate(stream, 1):
        slots.place(labels(*sorted(message)))
        said[number] = sorted(message) or [-1]
    kept, last = slots.numbers.tolist(), len(stream)
    counts = {label: sum(label in said[each] for each in kept) for each in kept for label in said[each]}
    plain = []
    for number in kept:
        rarest = min(said[number], key=counts.__getitem__)
        first = min(each for each in kept if rarest in said[each])
        stayed = 2 * (last - number) > capacity and counts[rarest] <= enough
        plain.append(capacity / max(capacity, last - first) if stayed else 1.0)
    weights = np.full(len(kept), 1 / len(kept))
    slots.weigh(np.arange(len(kept)), weights)
    assert np.allclose(weights, np.array(plain) / sum(plain))


def test_in_a_window_of_recent_messages_all_weigh_the_same() -> None:
    """With 0 to spare nothing stays beyond its time."""
    slots = Slots(capacity=10, enough=0)
    for n in range(25):
        slots.place(labels(n % 7))
    assert weighed(slots, [16, 20, 25]) == [1, 1, 1]


def test_what_was_there_before_is_gone_when_a_state_is_taken_over() -> None:
    """Its labels were taken off the counts of the messages that are taken over."""
    used, fresh = Slots(4, 2), Slots(4, 2)
    for each in ([0, 1], [5], [5], [2]):
        used.place(labels(*each))
    for slots in (used, fresh):
        slots.restore(labels(7, 9), [labels(3), labels()], 9)
        assert slots.counts(6).tolist() == [0, 0, 0, 1, 0, 0]
        assert (len(slots), slots.numbers.tolist()) == (2, [7, 9])
    assert [slots.place(labels(1)) for slots in (used, fresh)] == [2, 2]
