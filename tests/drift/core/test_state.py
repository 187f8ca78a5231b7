"""State declared field by field."""

from __future__ import annotations

import copy
import json
from collections import Counter, deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Arrays, Inlined, Lists, Parts, Stateful, Values, digest, fields, grown

messages = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=12)


class Totals(Stateful):
    """What a part may look like."""

    state_fields = fields(Arrays("_sums", cut="size"))

    def __init__(self) -> None:
        self._sums = np.zeros(1)
        self.size = 0

    def learn(self, ids: list[int]) -> None:
        """Count some ids; the array grows ahead of need."""
        self.size = max([self.size, *(each + 1 for each in ids)])
        self._sums = grown(self._sums, self.size)
        np.add.at(self._sums, ids, 1.0)


class Everything(Stateful):
    """A field of each kind."""

    state_fields = fields(
        Values("_messages", "_names", "_counts"),
        Values("_nested", key="deep"),
        Arrays("_last"),
        Arrays("_columns", cut="_width", axis=1),
        Lists("_recent", dtype=np.float64),
        Lists("_pairs", dtype=np.int64, columns=2),
        Parts("_totals", "_absent", "_named"),
    )

    def __init__(self) -> None:
        self._messages = 0
        self._names: list[str] = []
        self._counts: Counter[str] = Counter()
        self._nested: dict[str, list[int]] = {}
        self._last = np.zeros(0, dtype=np.int32)
        self._columns = np.zeros((2, 0), dtype=np.float32)
        self._width = 0
        self._recent: deque[float] = deque(maxlen=3)
        self._pairs: list[tuple[int, int]] = []
        self._totals = Totals()
        self._absent: Totals | None = None
        self._named = {"even": Totals(), "odd": Totals()}

    def learn(self, ids: list[int]) -> None:
        """Change every field, each in a way that depends on what it was."""
        self._messages += 1
        self._names.append(f"{len(self._names)}:{len(ids)}")
        self._counts.update(map(str, ids))
        for each in ids:
            self._nested.setdefault(str(each), []).append(self._counts[str(each)])
        self._last = np.array([*self._last[-2:], *ids], dtype=np.int32)
        self._width += len(ids)
        self._columns = grown(self._columns, 2, self._width)
        self._columns[:, self._width - len(ids) : self._width] = ids
        self._recent.append(sum(self._recent) + len(ids))
        self._pairs += [(each, len(self._pairs)) for each in ids]
        self._totals.learn(ids)
        for name, part in self._named.items():
            part.learn([each for each in ids if each % 2 == (name == "odd")])


def learned(*told: list[list[int]]) -> Everything:
    """Return one that has learned some messages."""
    made = Everything()
    for ids in (ids for some in told for ids in some):
        made.learn(ids)
    return made


@given(messages, messages, messages)
def test_what_is_loaded_goes_on_equal(
    first: list[list[int]], other: list[list[int]], second: list[list[int]]
) -> None:
    """Whatever the one that loads has seen before, and whatever becomes of the one that saved."""
    saved, loaded = learned(first), learned(other)
    loaded.load_state(saved.state())
    assert digest(loaded.state()) == digest(saved.state())
    for ids in second:
        loaded.learn(ids)
    assert digest(saved.state()) == digest(learned(first).state())
    assert digest(loaded.state()) == digest(learned(first, second).state())


@given(messages)
def test_plain_values_can_be_written_as_json(told: list[list[int]]) -> None:
    """Nothing but arrays, and what comes back from JSON as it was."""

    def plain(state: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in state.items() if not isinstance(value, np.ndarray)}
        return {key: plain(value) if isinstance(value, dict) else value for key, value in kept.items()}

    state = plain(learned(told).state())
    assert json.loads(json.dumps(state)) == state


def test_a_field_has_its_name_without_underscore_or_the_key_given() -> None:
    """The keys are what stands in snapshots."""
    assert list(learned([[1]]).state()) == [
        *("messages", "names", "counts", "deep", "last", "columns", "recent", "pairs"),
        *("totals", "absent", "named"),
    ]


def test_an_array_is_saved_as_a_view_and_only_as_far_as_it_is_used() -> None:
    """Copying is left to the one that keeps it."""
    totals = Totals()
    totals.learn([0, 1, 2])
    totals.learn([4])
    view = totals.state()["sums"]
    assert view.tolist() == [1.0, 1.0, 1.0, 0.0, 1.0]
    totals.learn([4])
    assert view[4] == 2.0


def test_an_array_keeps_its_type() -> None:
    """Also where another one was written, such as by another version."""
    loaded = Everything()
    loaded.load_state(Everything().state() | {"last": np.array([3.0])})
    assert loaded.state()["last"].dtype == np.int32


def test_a_part_that_is_missing_stays_so() -> None:
    """What there is follows from the parameters, not from the state."""
    loaded, state = Everything(), Everything().state()
    loaded.load_state(state | {"absent": Totals().state()})
    assert loaded.state()["absent"] is None


def test_a_key_that_is_missing_is_an_error() -> None:
    """A state of something else is not taken for one's own."""
    state = Everything().state()
    del state["named"]["odd"]
    with pytest.raises(KeyError, match="odd"):
        Everything().load_state(state)


def test_fields_of_bases_come_first_and_code_may_add_to_them() -> None:
    """A class lists only its own; what needs code extends the methods."""

    class Mean(Totals):
        state_fields = fields(Values("count"))

        def __init__(self) -> None:
            super().__init__()
            self.count = 0
            self.of: dict[int, None] = {}

        def state(self) -> dict[str, Any]:
            return super().state() | {"of": list(self.of)}

        def load_state(self, state: dict[str, Any]) -> None:
            super().load_state(state)
            self.of = dict.fromkeys(state["of"])

    mean, other = Mean(), Mean()
    mean.learn([1])
    mean.count, mean.of = 3, {5: None, 2: None}
    other.load_state(copy.deepcopy(mean.state()))
    assert list(other.state()) == ["sums", "count", "of"]
    assert digest(other.state()) == digest(mean.state())
    assert list(other.of) == [5, 2]


def test_inlined_parts_have_no_key_of_their_own() -> None:
    """Their fields stand among their owner's."""

    class Owner(Stateful):
        state_fields = fields(Inlined("part"), Values("more"))

        def __init__(self) -> None:
            self.part = Totals()
            self.more = 1

    owner, other = Owner(), Owner()
    owner.part.learn([0, 0])
    other.load_state(owner.state())
    assert list(owner.state()) == ["sums", "more"]
    assert other.part.state()["sums"].tolist() == [2.0]


def test_a_digest_is_another_for_each_value_key_type_and_shape() -> None:
    """Also deep inside; and the same in whatever order the keys come."""
    states: list[dict[str, Any]] = [
        {"a": 1, "b": {"c": [1, "x"]}},
        {"a": 2, "b": {"c": [1, "x"]}},
        {"a": 1, "b": {"c": [1, "y"]}},
        {"a": 1, "b": {"d": [1, "x"]}},
        {"a": 1, "b": {"c": None}},
        {"a": 1, "b": {}, "c": [1, "x"]},
        *({"a": np.zeros(4, dtype=dtype)} for dtype in (np.int64, np.float64)),
        {"a": np.zeros((2, 2))},
        {"a": np.ones(4)},
    ]
    assert len({digest(each) for each in states}) == len(states)
    assert digest({"b": {"c": [1, "x"]}, "a": 1}) == digest(states[0])
