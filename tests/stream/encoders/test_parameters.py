"""Parameters of encoders are refused outside the ranges that their docstrings name."""

from __future__ import annotations

import pytest

from tests.ranges import Promise, promises


@pytest.mark.parametrize("promise", promises("stream.encoders"), ids=str)
def test_ranges_are_as_documented(promise: Promise) -> None:
    """At both ends."""
    promise.check()
