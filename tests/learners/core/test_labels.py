"""The labels of one message."""

from __future__ import annotations

import numpy as np

from learners.core.labels import Targets


def test_partial_targets_know_only_what_is_named() -> None:
    """Partial targets know only what is named."""
    targets = Targets(np.array([1]), np.array([3]))
    assert targets.unknown(5).tolist() == [True, False, True, False, True]
    assert not Targets(np.array([1])).unknown(3).any()


def test_targets_among_some_labels_are_places() -> None:
    """Labels that are not among them are left out."""
    some = np.array([2, 5, 7])
    among = Targets(np.array([1, 5, 9]), np.array([7, 8])).among(some)
    assert among.positive.tolist() == [1]
    assert among.negative is not None
    assert among.negative.tolist() == [2]
    assert Targets(np.array([9])).among(some).complete
