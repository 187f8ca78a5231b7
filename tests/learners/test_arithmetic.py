"""Learners compute what they did, or the changelog says so; see `tests.arithmetic`."""

from __future__ import annotations

import pytest

from tests import arithmetic


@pytest.mark.parametrize("name", [name for name in arithmetic.FIGURES if name.startswith("learner ")])
def test_figures_are_those_that_were_kept(name: str) -> None:
    """On a stream on which labels come, go, and change their partners."""
    arithmetic.check(name)
