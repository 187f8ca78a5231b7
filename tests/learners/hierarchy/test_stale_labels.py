"""StaleLabels: a label that is claimed as often as it used to occur, and no longer told, was replaced."""

from __future__ import annotations

import numpy as np

from learners.core import Targets
from learners.hierarchy.stale_labels import StaleLabels
from tests.learners.checks import through_json

LIVE = np.ones(2, dtype=np.bool_)


def taught(stale: StaleLabels, told: list[list[int]], claims: list[bool], every: int = 1) -> list[int]:
    """Return the labels found stale; label 0 is claimed as listed, of `every` messages the first."""
    found: list[int] = []
    for positive, claimed in zip(told, claims, strict=True):
        for n in range(every):
            scores = np.array([0.9 if claimed and not n else 0.1, 0.4], dtype=np.float32)
            targets = Targets(np.array([] if n else positive, dtype=np.intp))
            found += stale.learn(scores, targets, LIVE).tolist()
    return found


def test_a_replaced_label_is_stale_after_enough_claims() -> None:
    """Told for every fourth message and claimed for as many afterwards: stale at the last needed claim."""
    stale = StaleLabels(least=20)
    assert taught(stale, [[0]] * 30, [True] * 30, every=4) == []
    assert taught(stale, [[]] * 19, [True] * 19, every=4) == []
    assert taught(stale, [[]], [True])[0] == 0


def test_a_silent_label_that_others_resemble_is_not_stale() -> None:
    """A third of what it would have had is claimed: never stale, however long it goes on."""
    stale = StaleLabels(least=20)
    taught(stale, [[0]] * 50, [True] * 50)
    assert taught(stale, [[]] * 900, [n % 3 == 0 for n in range(900)]) == []


def test_each_occurrence_begins_anew() -> None:
    """A label that is claimed wrongly nine times of ten, but occurs, is not stale."""
    stale = StaleLabels(least=20)
    told = [[0] if n % 10 == 0 else [] for n in range(500)]
    assert taught(stale, told, [True] * 500) == []


def test_what_is_unknown_or_not_live_is_no_claim() -> None:
    """Messages that leave a label open, and labels that were merged away, tell nothing."""
    for open_, live in ((True, True), (False, False)):
        stale = StaleLabels(least=5)
        taught(stale, [[0]] * 10, [True] * 10)
        targets = Targets(np.array([1]), np.zeros(0, dtype=np.intp) if open_ else None)
        for _ in range(50):
            scores = np.array([0.9, 0.9], dtype=np.float32)
            assert stale.learn(scores, targets, np.array([live, True])).tolist() == []


def test_state_round_trip_and_forgetting() -> None:
    """A restored one finds the same labels; a label that was forgotten has never occurred."""
    stale, restored = StaleLabels(least=5), StaleLabels(least=5)
    taught(stale, [[0]] * 10 + [[]] * 4, [True] * 14)
    restored.load_state(through_json(stale.state()))
    assert taught(restored, [[]], [True]) == [0]
    stale.forget(np.array([0, 7]))
    assert taught(stale, [[]] * 50, [True] * 50) == []
