"""Parameters of learners and their parts are refused outside the ranges that their docstrings name."""

from __future__ import annotations

import importlib
import inspect

import pytest
from river.tree import HoeffdingTreeClassifier

from learners.core.label_space import LabelSpace
from learners.extreme.classifier_rows import ClassifierRows
from learners.extreme.exact_batch import ExactBatch
from learners.extreme.label_tree import LabelTree
from learners.extreme.micro_batch import MicroBatch
from learners.extreme.shortlist_batch import ShortlistBatch
from learners.uncertainty.sliding import Sliding
from tests.ranges import Promise, promises
from tests.structure import modules

UNCHECKED = {LabelSpace, Sliding, ClassifierRows, LabelTree, MicroBatch, ExactBatch, ShortlistBatch}
"""Made by what has checked the same parameters."""
NEEDED: dict[str, dict[str, object]] = {
    "BalancedReservoir": {"capacity": 1, "horizon": 1},
    "Mixture": {"experts": 2},
    "Sleepers": {"experts": 1},
    "Slots": {"capacity": 1, "enough": 0},
    "PrunedSets": {"model": HoeffdingTreeClassifier(), "allow_pickle": True},
}


@pytest.mark.parametrize(
    "promise", [each for each in promises("learners") if each.kind not in UNCHECKED], ids=str
)
def test_ranges_are_as_documented(promise: Promise) -> None:
    """At both ends."""
    promise.check(**NEEDED.get(promise.kind.__name__, {}))


def test_nothing_is_unpickled_unless_asked_for() -> None:
    """A pickle runs what its author wrote: whatever could load one has to be told that it may."""
    defaults = {
        (module, name, default.default)
        for module in modules()
        if module.startswith("learners.")
        for name, each in vars(importlib.import_module(module)).items()
        if inspect.isfunction(each) or inspect.isclass(each)
        if (
            default := inspect.signature(each.__init__ if inspect.isclass(each) else each).parameters.get(
                "allow_pickle"
            )
        )
    }
    assert len(defaults) > 20
    assert {default for *_, default in defaults} <= {False, inspect.Parameter.empty}
