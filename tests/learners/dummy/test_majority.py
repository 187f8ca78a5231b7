"""The commonest label-set, by hand and against a plain count."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.labels import Targets
from learners.dummy.majority import MajorityLabelset

NOTHING = np.zeros(0, dtype=np.float32)
labelsets = st.lists(st.sampled_from(["", "a", "b", "ab", "abc"]), max_size=40)


@given(labelsets)
def test_majority(stream: list[str]) -> None:
    """Each prediction is the commonest set so far; Counter, too, lists equals in order of appearance."""
    learner = MajorityLabelset()
    for position, now in enumerate(stream):
        expected = Counter(stream[:position]).most_common(1)[0][0] if position else ""
        assert set(learner.label_space.names(learner.predict(NOTHING).labels)) == set(expected)
        learner.learn(NOTHING, learner.label_space.targets(now))


def test_majority_ignores_incomplete_messages() -> None:
    """What is not complete is no label set."""
    learner = MajorityLabelset()
    learner.learn(NOTHING, learner.label_space.targets("a"))
    for _ in range(3):
        learner.learn(NOTHING, Targets(learner.label_space.ids("b"), learner.label_space.ids("a")))
    assert learner.label_space.names(learner.predict(NOTHING).labels) == ["a"]


def test_majority_is_bounded_and_keeps_frequent_sets() -> None:
    """With room for three sets, one in half of the messages survives any number of others."""
    learner = MajorityLabelset(capacity=3)
    for position in range(300):
        learner.learn(
            NOTHING, learner.label_space.targets(["often"] if position % 2 else [f"once {position}"])
        )
        assert len(learner.state()["labelsets"]) <= 3
    assert learner.label_space.names(learner.predict(NOTHING).labels) == ["often"]
    with pytest.raises(ValueError, match="The 'capacity' parameter of MajorityLabelset must be an int in"):
        MajorityLabelset(capacity=0)


@given(labelsets, st.integers(1, 4), st.lists(st.integers(0, 39), max_size=2))
def test_with_little_room_it_is_misra_and_gries(stream: list[str], capacity: int, leaving: list[int]) -> None:
    """A set that finds no room takes one from every count; sets with a label that leaves are gone."""
    learner, counts, best = MajorityLabelset(capacity), dict[str, int](), ""
    learner.label_space.ids("abc")
    for position, now in enumerate(stream):
        if position in leaving:
            learner.forget(learner.label_space.ids("b"))
            counts = {each: count for each, count in counts.items() if "b" not in each}
            best = best if best in counts else max(counts, key=counts.__getitem__, default="")
        if now in counts or len(counts) < capacity:
            counts[now] = counts.get(now, 0) + 1
            # Of equals the one that came first; what was dropped is taken for equal to nothing.
            if counts[now] >= counts.get(best, 0):
                best = next(each for each in counts if counts[each] == counts[now] and each in (now, best))
        else:
            counts = {each: count - 1 for each, count in counts.items() if count > 1}
        learner.learn(NOTHING, learner.label_space.targets(now))
        state = learner.state()
        assert state["counts"] == list(counts.values())
        assert ["".join(learner.label_space.names(each)) for each in state["labelsets"]] == list(counts)
        assert "".join(learner.label_space.names(learner.predict(NOTHING).labels)) == best
        assert learner.score(NOTHING).tolist() == [float(label in best) for label in "abc"]
