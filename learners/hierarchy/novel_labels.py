"""Labels never predicted correctly so far: each is predicted where its score is a new maximum."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Mask, Stateful, Vector, check_number, compiled, fields, grown
from learners.core import Targets
from learners.hierarchy.paths import Shape


class NovelLabels(Stateful):
    """Proposes labels that occurred but were never predicted correctly, where their score is a new maximum.

    The probability of a label that has occurred a few times lies below any sensible threshold, although far
    above its usual value. The last of n exchangeable values is the largest with probability 1/n, so a label
    costs about the logarithm of its age in wrong predictions, and none once it was predicted correctly.

    Parameters
    ----------
    least
        Probability below which none is proposed, in [0, 1]. Too low and new labels are predicted wrongly
        again and again; 1 never proposes one.

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> tree, novel = Taxonomy(["grain", "oil"]), NovelLabels()
    >>> for p in (0.1, 0.2):
    ...     novel.learn(np.array([0.9, p], dtype=np.float32), tree.ids(["grain"]), tree.targets(["oil"]))
    >>> novel.add(tree.ids(["grain"]), np.array([0.9, 0.4], dtype=np.float32), tree.shape())
    array([0, 1])
    """

    state_fields = fields(Arrays("_records", "_occurred", "_caught", cut="_size"))

    def __init__(self, least: float = 0.3) -> None:
        check_number(self, "least", least, float, 0, 1)
        self.least = least
        # By label: the largest score so far, whether it has occurred, whether it was predicted correctly.
        self._records: Vector = np.zeros(0, dtype=np.float32)
        self._occurred = np.zeros(0, dtype=np.bool_)
        self._caught = np.zeros(0, dtype=np.bool_)
        self._size = 0

    def add(self, chosen: Ids, scores: Vector, shape: Shape) -> Ids:
        """Return `chosen` and labels at a new maximum that are roots or below returned ones, ascending."""
        recorded = self._records[: self._size], self._occurred, self._caught
        ready, some = _ready(scores, np.float32(self.least), shape.live, *recorded)
        if not some:
            return chosen
        taken = np.zeros(len(scores), dtype=np.bool_)
        taken[chosen] = True
        for labels in shape.levels:
            taken[labels] |= ready[labels] & shape.reached(labels, taken)
        return np.flatnonzero(taken)

    def learn(self, scores: Vector, predicted: Ids, targets: Targets) -> None:
        """Record one message: the scores of the labels, which were predicted, and the truth."""
        self._grow(len(scores))
        self._records[: len(scores)] = np.maximum(self._records[: len(scores)], scores)
        right = predicted[targets.dense(len(scores))[predicted]]
        self._caught[right] |= self._occurred[right]
        self._occurred[targets.positive] = True

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        labels = labels[labels < self._size]
        self._records[labels] = self._occurred[labels] = self._caught[labels] = 0

    def _grow(self, size: int) -> None:
        if size > self._size:
            self._records, self._occurred = grown(self._records, size), grown(self._occurred, size)
            self._caught, self._size = grown(self._caught, size), size


@compiled
def _ready(
    scores: Vector, least: np.float32, live: Mask, records: Vector, occurred: Mask, caught: Mask
) -> tuple[Mask, bool]:
    """Return which labels that were never predicted correctly are at a new maximum, and whether any is."""
    ready, some = np.zeros(len(scores), dtype=np.bool_), False
    for label in range(min(len(scores), len(records))):
        if live[label] and occurred[label] and not caught[label]:
            ready[label] = scores[label] >= least and scores[label] > records[label]
            some |= ready[label]
    return ready, some
