"""The labels of one message."""

from __future__ import annotations

import numpy as np

from learners.core.labels import Targets


def test_partial_targets_know_only_what_is_named() -> None:
    """Partial targets know only what is named."""
    targets = Targets(np.array([1]), np.array([3]))
    assert targets.unknown(5).tolist() == [True, False, True, False, True]
    assert not Targets(np.array([1])).unknown(3).any()
