"""Parameters of monitors and statistics are refused outside the ranges that their docstrings name."""

from __future__ import annotations

import pytest

from drift.statistics.bank import Bank
from tests.ranges import Promise, promises


@pytest.mark.parametrize("promise", [each for each in promises("drift") if each.kind is not Bank], ids=str)
def test_ranges_are_as_documented(promise: Promise) -> None:
    """The abstract `Bank` is checked through those that can be made."""
    promise.check()
