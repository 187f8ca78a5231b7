"""river's own checks run on every exported learner, so ours work where an estimator of river's does."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import river.checks
import river.datasets

import learners
from learners import Learner

Example = tuple[dict[str, float], dict[str, bool]]
EXPORTED: list[type[Learner]] = [
    kind
    for kind in (getattr(learners, name) for name in learners.__all__)
    if inspect.isclass(kind) and issubclass(kind, Learner) and not inspect.isabstract(kind)
]


class Planted:
    """A small multi-label stream in place of river's, which is a download: each label follows one feature."""

    def __iter__(self) -> Iterator[Example]:
        """Yield examples without end, the same ones each time."""
        chance = random.Random(1)
        while True:
            x = {name: chance.gauss(0.0, 1.0) for name in "abc"}
            yield x, {f"label {name}": value > 0.0 for name, value in x.items()}

    def take(self, count: int) -> list[Example]:
        """Return so many examples, the same ones each time."""
        return [example for _, example in zip(range(count), self, strict=False)]


@pytest.fixture(autouse=True)
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give river's checks a stream that is made up here."""
    monkeypatch.setattr(river.datasets, "Music", Planted)


@pytest.mark.parametrize("kind", EXPORTED, ids=lambda kind: kind.__name__)
def test_river_finds_nothing_wrong(kind: type[Learner]) -> None:
    """Every check that river has for a multi-label classifier passes, and there are many."""
    names = []
    for parameters in kind._unit_test_params():
        model = kind(**parameters)
        checks: list[Callable[[Any], None]] = list(river.checks.yield_checks(model))
        for check in checks:
            check(model.clone())
            names.append(getattr(check, "__name__", str(check)))
    assert len(names) >= 20


def test_every_kind_of_learner_is_checked() -> None:
    """The list is made from what is exported: a new learner is in it at once."""
    names = {kind.__name__ for kind in EXPORTED}
    assert {"IHOMER", "LabelExpansion", "BinaryRelevance", "PrunedSets"} <= names
