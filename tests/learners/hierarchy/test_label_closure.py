"""What a message's labels imply, and what a learner that is sure adds to them."""

from __future__ import annotations

import numpy as np
import pytest

from learners.hierarchy.label_closure import LabelClosure
from learners.hierarchy.taxonomy import Taxonomy

NAMES = ["a/x/u", "a/x/v", "a/y/w", "a/z", "b"]


@pytest.mark.parametrize(
    ("sure", "positive", "negative"),
    [
        ([], ["a"], []),
        (["a/x"], ["a", "a/x"], ["a/y", "a/y/w", "a/z"]),
        (["a/x", "a/x/u"], ["a", "a/x", "a/x/u"], ["a/x/v", "a/y", "a/y/w", "a/z"]),
        (["a/x", "a/y"], ["a", "a/x", "a/y"], ["a/z"]),
        (["a/x/u", "b"], ["a"], []),
    ],
)
def test_pseudo_labels_lie_below_the_labels_and_rule_out_what_is_beside_them(
    sure: list[str], positive: list[str], negative: list[str]
) -> None:
    """With all that lies below it; who is not sure of a child asks none of its children."""
    taxonomy = Taxonomy(NAMES)
    closure, scores = LabelClosure(taxonomy), np.zeros(len(taxonomy), dtype=np.float32)
    scores[taxonomy.ids(sure)] = 0.95
    closed = closure.closed(closure.stored(taxonomy.targets(["a"])))
    found = closure.with_pseudo_labels(closed, scores, 0.95)
    beside = [] if closed.negative is None else taxonomy.names(closed.negative)
    assert sorted(taxonomy.names(found.positive)) == positive
    assert found.negative is not None
    assert sorted(taxonomy.names(found.negative)) == sorted({*negative, *beside})
    assert "b" in beside
