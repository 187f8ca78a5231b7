"""NovelLabels: new labels are predicted where they break their record, until they were right once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.hierarchy.novel_labels import NovelLabels
from learners.hierarchy.taxonomy import Taxonomy

TREE = Taxonomy(["a/x", "a/y", "b"])
NOTHING = np.zeros(0, dtype=np.intp)


def scores(**given: float) -> np.ndarray:
    """Return probabilities by label, 0 where none is named."""
    values = np.zeros(len(TREE), dtype=np.float32)
    for name, value in given.items():
        values[TREE.id(name.replace("_", "/"))] = value
    return values


def test_a_label_debuts_where_it_breaks_its_record() -> None:
    """Not before it has occurred, not at or below its record, not below the least, not without its parent."""
    novel, parent, shape = NovelLabels(least=0.2), TREE.ids(["a"]), TREE.shape()
    new = TREE.targets(["a/x"])

    def added(value: float, chosen: np.ndarray = parent) -> list[str]:
        return TREE.names(novel.add(chosen, scores(a_x=value), shape))

    assert added(0.9) == ["a"]
    novel.learn(scores(a_x=0.1), parent, new)
    assert added(0.15) == ["a"]
    assert added(0.25) == ["a", "a/x"]
    assert added(0.25, NOTHING) == []
    novel.learn(scores(a_x=0.3), parent, TREE.targets(["a/y"]))
    assert added(0.3) == ["a"]
    assert added(0.35) == ["a", "a/x"]
    novel.learn(scores(a_x=0.35), novel.add(parent, scores(a_x=0.35), shape), new)
    assert added(0.99) == ["a"]


def test_being_predicted_at_its_very_first_message_is_no_debut() -> None:
    """A label that was predicted rightly before it had ever occurred (by hearsay) still gets its chance."""
    novel, everything = NovelLabels(), np.arange(len(TREE))
    novel.learn(scores(b=0.1), everything, TREE.targets(["b"]))
    assert "b" in TREE.names(novel.add(NOTHING, scores(b=0.5), TREE.shape()))


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=20))
def test_adding_keeps_sets_closed_and_changes_nothing(rows: list[list[float]]) -> None:
    """What is added comes with its parent, and only learning changes the state."""
    novel = NovelLabels(least=0.0)
    for n, row in enumerate(rows):
        before = {key: value.copy() for key, value in novel.state().items()}
        taken = set(novel.add(NOTHING, np.array(row, dtype=np.float32), TREE.shape()).tolist())
        assert all(set(TREE.ancestors(label)) <= taken for label in taken)
        for key, value in novel.state().items():
            np.testing.assert_array_equal(value, before[key])
        novel.learn(np.array(row, dtype=np.float32), NOTHING, TREE.targets([["a/x", "a/y", "b"][n % 3]]))


def test_a_restored_state_decides_alike() -> None:
    """Records, and what was caught, come back."""
    novel, again = NovelLabels(), NovelLabels()
    novel.learn(scores(b=0.4), NOTHING, TREE.targets(["b"]))
    again.load_state(novel.state())
    for value in (0.3, 0.5):
        first, second = (each.add(NOTHING, scores(b=value), TREE.shape()) for each in (novel, again))
        np.testing.assert_array_equal(first, second)
