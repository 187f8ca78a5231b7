"""Detectors and monitors compute what they did, or the changelog says so; see `tests.arithmetic`."""

from __future__ import annotations

import pytest

from tests import arithmetic


@pytest.mark.parametrize("name", [name for name in arithmetic.FIGURES if not name.startswith("learner ")])
def test_figures_are_those_that_were_kept(name: str) -> None:
    """On streams on which everything changes twice."""
    arithmetic.check(name)
