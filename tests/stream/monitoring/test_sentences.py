"""Changes in sentences: those that are told in full, and how many more there are."""

from __future__ import annotations

import pytest

from stream.monitoring.sentences import also, sentence
from stream.records import DriftRecord


def change(subject: str, scope: str = "prior") -> DriftRecord:
    """Return a label's rise."""
    return DriftRecord(
        detector="label-rise/rates", scope=scope, subject=subject, statistic=9.0, threshold=3.0, window=100,
        action="none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("many", "rest"),
    [(0, []), (2, []), (3, ["and 1 more change"]), (5, ["and 3 more changes"])],
)
def test_the_first_are_told_and_the_rest_is_counted(many: int, rest: list[str]) -> None:
    """Where there is one; errors of the whole stream are the incident itself and are left out."""
    changes = [change(f"label{number}") for number in range(many)]
    told = also([*changes, change("stream", "error")], 2)
    assert told == [sentence(each) for each in changes[:2]] + rest
