"""Two runs on the same events, counted by hand."""

from __future__ import annotations

import pytest

from stream.dashboard.compare import compare
from tests.stream.monitoring.streams import fed, prediction


def test_two_runs_are_compared_on_the_events_that_both_predicted() -> None:
    """Counted by hand."""
    one = fed("live", [prediction(n, ["a"], ["a"] if n % 2 else ["b"], at=n, run="x") for n in range(10)])
    other = fed(
        "replay",
        [prediction(n, ["b"], ["a"] if n % 2 else ["b"], run="y") for n in range(5, 12)],
        timed=False,
    )
    found = compare(one, "x", other, "y")
    assert found is not None
    assert (found["both"], found["scored"], found["agree"]) == (5, 5, 0)
    assert found["right"] == {"both": 0, "first": 3, "second": 2, "neither": 0}
    assert found["labels"][0] == {"label": "a", "first": 2, "second": 3}
    assert [each["offset"] for each in found["messages"]] == [9, 8, 7, 6, 5]
    assert compare(one, "x", other, "nobody") is None
    assert compare(one, "nobody", other, "y") is None


def test_what_two_runs_differ_in_comes_in_order() -> None:
    """Labels with the largest difference first, messages with the latest; the truth of either run counts."""
    labels = [f"l{n:02d}" for n in range(14)]
    first = [prediction(n, [labels[n % 14]], None, run="x") for n in range(56)]
    second = [prediction(n, ["l00"], [labels[n % 14 if n % 14 < 13 else 0]], run="y") for n in range(56)]
    one, other = fed("live", [*first, prediction(1, ["z"], ["z"], partition=3, run="x")]), fed("m", second)
    found = compare(one, "x", other, "y")
    assert found is not None
    # The last label is never true; each of the others but the first is missed by the second run four times.
    assert (found["both"], found["scored"], found["agree"]) == (56, 56, 4)
    assert found["right"] == {"both": 4, "first": 48, "second": 4, "neither": 0}
    assert found["labels_total"] == 14
    assert found["labels"][0] == {"label": "l00", "first": 4, "second": 48}
    assert [each["label"] for each in found["labels"][1:]] == labels[1:12]
    assert {(each["first"], each["second"]) for each in found["labels"][1:]} == {(0, 4)}
    assert len(found["messages"]) == 40
    assert [each["offset"] for each in found["messages"][:3]] == [55, 54, 53]
    assert found["messages"][1]["truth"] == ("l12",)
    assert [each["predictions"] for each in found["runs"]] == [57, 56]
    assert [each["source"] for each in found["runs"]] == ["live", "m"]
    assert found["runs"][1]["scores"]["subset_accuracy"] == pytest.approx(8 / 56)
