"""Every learner of the catalogue keeps every rule; see `tests.learners.checks` for the rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import learners
from learners.base import Learner
from learners.catalogue import LEARNERS, TITLES, make
from tests.learners.checks import CHECKS, Make

SMALL: dict[str, dict[str, Any]] = {
    "br-amf": {"max_nodes": 60},
    "br-arf": {"max_depth": 2},
    "br-sgt": {"max_depth": 2},
    "mlht-ps": {"buffer": 25},
}
"""Sizes at which a short stream reaches what only a long one would."""


def maker(name: str) -> Make:
    """Return what makes a learner of a name, allowed to load what it has written itself."""
    pickled = "allow_pickle" in inspect.signature(LEARNERS[name]).parameters
    parameters = SMALL.get(name, {}) | ({"allow_pickle": True} if pickled else {})

    def make_it() -> Learner:
        return make(name, **parameters)

    return make_it


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_contract(name: str, check: Callable[[Make], None]) -> None:
    """One rule, one learner."""
    check(maker(name))


def test_every_exported_learner_is_in_the_catalogue() -> None:
    """No learner escapes the checks."""
    exported = {
        kind for kind in vars(learners).values() if inspect.isclass(kind) and issubclass(kind, Learner)
    }
    made = {type(make(name)) for name in LEARNERS}
    assert exported - {Learner} == made
    assert list(TITLES) == list(LEARNERS)


def test_a_misspelt_name_is_answered_with_close_ones() -> None:
    """Whoever misspells a learner or a parameter is told what there is."""
    with pytest.raises(ValueError, match=r"no learner named 'isoup-tee'\. Did you mean 'isoup-tree'"):
        make("isoup-tee")
    with pytest.raises(ValueError, match=r"no learner named 'x'\. Choose among .*'majority'.*'priors'"):
        make("x")
    with pytest.raises(ValueError, match=r"'priors' has no parameter 'life'\. It takes 'half_life'\."):
        make("priors", life=3)
    with pytest.raises(ValueError, match=r"'previous-labels' has no parameter 'k'\. It takes none\."):
        make("previous-labels", k=3)
