"""What is known of labels, against a table of every label."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.pipeline.lesson import KnownLabels
from stream.records.schema import Feedback

NAMES = st.sampled_from(["grain", "wheat", "corn", "oil", "trade"])
TRUTHS = st.builds(
    Feedback,
    id=st.just("1"),
    ts=st.just(0.0),
    labels=st.none() | st.lists(NAMES, max_size=4),
    labels_complete=st.booleans(),
    not_=st.lists(NAMES, max_size=3),
).map(KnownLabels.of)


def table(truth: KnownLabels) -> dict[str, bool | None]:
    """Return yes, no or unknown for each label, and under "" for a label that nobody ever named."""
    other = None if truth.negative is not None else False
    known: dict[str, bool | None] = dict.fromkeys(("grain", "wheat", "corn", "oil", "trade", ""), other)
    known |= dict.fromkeys(truth.negative or (), False)
    return known | dict.fromkeys(truth.labels, True)


@given(TRUTHS, TRUTHS)
def test_of_what_is_said_twice_the_last_counts(earlier: KnownLabels, later: KnownLabels) -> None:
    """Label by label: what is said now, else what was known."""
    said, known = table(later), table(earlier)
    expected = {name: known[name] if said[name] is None else said[name] for name in said}
    assert table(earlier.updated(later)) == expected
    contradicted = any(known[name] is not None and known[name] != expected[name] for name in expected)
    assert earlier.contradicts(later) == contradicted


@given(TRUTHS, TRUTHS)
def test_two_say_the_same_if_they_do_of_every_label(one: KnownLabels, other: KnownLabels) -> None:
    """In whatever order the labels are named."""
    assert one.same(other) == (table(one) == table(other))
    assert one.same(KnownLabels(one.labels[::-1], one.negative and one.negative[::-1]))


@given(TRUTHS)
def test_each_label_is_said_once(truth: KnownLabels) -> None:
    """Named twice it counts once; named both ways the event has it."""
    names = (*truth.labels, *(truth.negative or ()))
    assert len(set(names)) == len(names)
    assert truth.characters == sum(map(len, names))
