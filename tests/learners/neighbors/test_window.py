"""What messages said comes back, whatever is known of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift.core import digest
from learners.core.labels import Targets
from learners.neighbors.window import Window
from tests.learners.checks import through_json

LABELS = 6


@st.composite
def targets(draw: st.DrawFn) -> Targets:
    """Return what a message says: its labels, and those it has not, or None where it has no others."""
    order = draw(st.permutations(range(LABELS)))
    yes, no = draw(st.integers(0, 3)), draw(st.none() | st.integers(0, 3))
    given = np.array(order, dtype=np.intp)
    return Targets(given[:yes], None if no is None else given[yes : yes + no])


@given(st.lists(targets(), min_size=1, max_size=12))
def test_votes_are_the_same_after_saving(messages: list[Targets]) -> None:
    """Of messages with all labels, and of those of which some are unknown."""
    window, restored = Window(5, 2), Window(5, 2)
    for each in messages:
        window.add(each)
    restored.load_state(through_json(window.state()), len(messages))
    rows = np.arange(min(5, len(messages)))
    weights = np.arange(1.0, 1.0 + len(rows), dtype=np.float64)
    first, second = (one.vote(rows, weights, LABELS) for one in (window, restored))
    assert np.array_equal(first, second, equal_nan=True)


@given(st.lists(targets(), min_size=1, max_size=12), st.sets(st.integers(0, LABELS - 1), min_size=1))
def test_labels_that_leave_were_never_said(messages: list[Targets], gone: set[int]) -> None:
    """Neither of messages that have them, nor of those that are known not to."""
    window, plain = Window(20, 2), Window(20, 2)
    leave = np.array(sorted(gone), dtype=np.intp)
    for each in messages:
        window.add(each)
        others = None if each.negative is None else np.setdiff1d(each.negative, leave, assume_unique=True)
        plain.add(Targets(np.setdiff1d(each.positive, leave, assume_unique=True), others))
    window.forget(leave)
    found, expected = window.state(), plain.state()
    assert digest({name: found[name] for name in found if name != "numbers"}) == digest(
        {name: expected[name] for name in expected if name != "numbers"}
    )
