"""Every learner of the catalogue keeps every rule; see `tests.learners.checks` for the rules."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest

import learners
from learners.catalogue import LEARNERS, TITLES, make
from learners.core.base import Learner
from tests.learners.checks import CHECKS, Make, maker


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_contract(name: str, check: Callable[[Make], None]) -> None:
    """One rule, one learner."""
    check(maker(name))


def test_every_exported_learner_is_in_the_catalogue() -> None:
    """No learner escapes the checks."""
    exported = {
        kind
        for kind in (getattr(learners, name) for name in learners.__all__)
        if inspect.isclass(kind) and issubclass(kind, Learner)
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
    with pytest.raises(ValueError, match=r"'persistence' has no parameter 'k'\. It takes none\."):
        make("persistence", k=3)


def test_importing_learners_does_not_import_torch() -> None:
    """Only the learner that needs torch pays for it, and it is there by name all the same."""
    program = (
        "import sys, learners\n"
        "assert learners.make('priors') and 'torch' not in sys.modules, 'imported at once'\n"
        "assert learners.ExtremeClassifier is learners.LEARNERS['extreme'] and 'torch' in sys.modules\n"
        "assert not hasattr(learners, 'ExtremeClassifer')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
