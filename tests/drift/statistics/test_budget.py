"""The share of one test in the budget of false alarms."""

from __future__ import annotations

import pytest

from drift.statistics.budget import allowed_p


@pytest.mark.parametrize(
    ("tests", "messages", "per_message"),
    [(0, 0, 1), (0, 5, 1), (5, 0, 5), (3, 1, 3), (3, 2, 1.5), (1, 2, 1), (8, 2, 4)],
)
def test_the_budget_is_divided_among_the_tests_of_its_messages(
    tests: int, messages: int, per_message: float
) -> None:
    """Of as many as there were per message so far, but no less than one."""
    assert allowed_p(2.0, tests, messages) == pytest.approx(2.0 / 100_000 / per_message)
