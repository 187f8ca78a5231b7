"""Outcomes of records, joined, split, and as they were written."""

from __future__ import annotations

import pytest

from stream.pipeline.outcome import Outcome, joined
from stream.records import Output

PREDICTION, LETTER = (Output(kind, None, kind.encode()) for kind in ("predictions", "dlq"))


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        ([PREDICTION, PREDICTION], [PREDICTION, PREDICTION], []),
        ([PREDICTION, PREDICTION], [LETTER, LETTER], ["size", "size"]),
        ([PREDICTION, LETTER], [LETTER, LETTER], ["json", "size"]),
        ([LETTER], [LETTER], ["json"]),
    ],
)
def test_what_was_too_large_is_a_dead_letter_more(
    before: list[Output], after: list[Output], reasons: list[str]
) -> None:
    """Beside those that there were, each with its reason."""
    letters = ["json"] * before.count(LETTER)
    written = Outcome(before, 7, dead_letters=letters).written(after)
    assert (written.outputs, written.next_offset, written.dead_letters) == (after, 7, reasons)


def test_a_split_outcome_ends_where_its_steps_do() -> None:
    """At most so many steps, then the rest; nothing is left where there are no more."""
    steps = [Outcome([PREDICTION], offset, dead_letters=["json"]) for offset in (3, 4, 9)]
    whole = joined(steps, 12)
    first, rest = whole.split(2)
    assert rest is not None
    assert (first.next_offset, rest.next_offset) == (4, 12)
    assert (first.outputs, rest.outputs) == ([PREDICTION] * 2, [PREDICTION])
    assert (first.dead_letters, rest.dead_letters) == (["json"] * 2, ["json"])
    assert whole.split(3) == (whole, None)
