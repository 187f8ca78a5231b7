"""What one record's labels may make of themselves."""

from __future__ import annotations

import pytest

from stream.records import BadEventError, Control, Event, Feedback, Limits


def test_a_small_event_that_would_make_126000_labels_is_refused() -> None:
    """1,000 labels of 126 levels each are 257 KB of a valid event."""
    labels = [f"l{number}/" + "/".join("a" * 125) for number in range(1_000)]
    with pytest.raises(BadEventError, match=r"has 126 levels; limits\.levels is 32") as caught:
        Limits().check(Event(id="1", ts=0, text="w", labels=labels))
    assert caught.value.reason == "limit"


@pytest.mark.parametrize(
    "message",
    [
        Event(id="1", ts=0, text="w", labels=["a/b", "a/c", "d"]),
        Event(id="1", ts=0, text="w", labels=["a/b"], not_=["a/c", "d"]),
        Feedback(id="1", ts=0, labels=["a//b", "/a/c", "d"]),
        Control("split", "a/b", ["a/c", "d"]),
    ],
)
def test_labels_above_count_once_wherever_they_are_named(message: Event | Feedback | Control) -> None:
    """`a/b`, `a/c` and `d` are four labels; empty names in a path are none."""
    Limits(levels=2, labels=4).check(message)
    with pytest.raises(BadEventError, match=r"the labels are 4 with those above them; limits\.labels is 3"):
        Limits(levels=2, labels=3).check(message)
    with pytest.raises(BadEventError, match=r"the label 'a/+b' has 2 levels; limits\.levels is 1"):
        Limits(levels=1, labels=4).check(message)
