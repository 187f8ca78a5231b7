"""Persistence, by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.core.labels import Targets
from learners.dummy.persistence import Persistence

NOTHING = np.zeros(0, dtype=np.float32)


@given(st.lists(st.sampled_from(["", "a", "b", "ab", "abc"]), max_size=40))
def test_the_labels_of_the_message_before_are_predicted(stream: list[str]) -> None:
    """Each prediction is the message before, the first one empty."""
    learner = Persistence()
    for before, now in zip(["", *stream], stream, strict=False):
        assert set(learner.label_space.names(learner.predict(NOTHING).labels)) == set(before)
        learner.learn(NOTHING, learner.label_space.targets(now))


def test_what_is_unknown_is_kept() -> None:
    """An incomplete message changes only what it speaks of."""
    learner = Persistence()
    learner.learn(NOTHING, learner.label_space.targets("abc"))
    learner.learn(NOTHING, Targets(learner.label_space.ids("d"), learner.label_space.ids("b")))
    assert learner.label_space.names(learner.predict(NOTHING).labels) == ["a", "c", "d"]
