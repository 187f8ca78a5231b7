"""The most frequent label set so far: a baseline that ignores the features."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, State, Vector, check_number
from learners.core import Learner, Targets


class MajorityLabelset(Learner):
    """Predict the label set that has occurred most often; among equally frequent ones the earliest.

    Messages whose labels are incomplete do not determine a label set and are not counted.

    Parameters
    ----------
    capacity
        Most distinct label sets counted, at least 1. Up to that many the counts are exact. When one more
        appears, all counts drop by one and empty ones are dropped (Misra and Gries), so memory stays bounded
        and every set with a share above 1 / capacity keeps a count. With too few, the prediction is
        arbitrary.

    Examples
    --------
    >>> learner = MajorityLabelset()
    >>> for rain in (True, False, True):
    ...     learner.learn_one({}, {"rain": rain, "snow": False})
    >>> learner.predict_one({})
    {'rain': True, 'snow': False}

    References
    ----------
    .. [1] J. Misra and D. Gries, "Finding repeated elements", Science of Computer Programming 2, 1982.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        check_number(self, "capacity", capacity, int, 1)
        self.capacity = capacity
        super().__init__()
        # In order of first appearance: dropping all counts by one changes neither order nor winner.
        self._counts: dict[tuple[int, ...], int] = {}
        self._best: tuple[int, ...] = ()
        self._labels: Ids = np.zeros(0, dtype=np.intp)

    def score(self, x: Vector) -> Vector:
        """Return 1 for each label of the most frequent set, else 0; the vector is ignored."""
        del x
        scores = np.zeros(len(self.label_space), dtype=np.float32)
        scores[self.labels] = 1.0
        return scores

    @property
    def labels(self) -> Ids:
        """The most frequent label set, ids ascending; read-only."""
        return self._labels

    def learn(self, x: Vector, targets: Targets) -> None:
        """Count one message's label set."""
        self._count(x)
        if targets.complete:
            self._count_set(tuple(targets.positive.tolist()))

    def _count_set(self, labelset: tuple[int, ...]) -> None:
        if labelset not in self._counts and len(self._counts) == self.capacity:
            self._counts = {kept: count - 1 for kept, count in self._counts.items() if count > 1}
            return
        count = self._counts[labelset] = self._counts.get(labelset, 0) + 1
        best = self._counts.get(self._best, 0)
        if count > best or (count == best and self._earlier(labelset)):
            self._set_best(labelset)

    def _set_best(self, labelset: tuple[int, ...]) -> None:
        if labelset != self._best:
            self._best, self._labels = labelset, np.array(labelset, dtype=np.intp)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; label sets with a label that leaves are not counted any more."""
        super().forget(labels)
        gone = set(labels.tolist())
        self._counts = {kept: count for kept, count in self._counts.items() if gone.isdisjoint(kept)}
        if self._best not in self._counts:
            self._set_best(max(self._counts, key=lambda kept: self._counts[kept], default=()))

    def _earlier(self, labelset: tuple[int, ...]) -> bool:
        return next(kept for kept in self._counts if kept in (labelset, self._best)) == labelset

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {
            "labelsets": [list(labelset) for labelset in self._counts],
            "counts": list(self._counts.values()),
            "best": list(self._best),
        }

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        labelsets = map(tuple, state["labelsets"])
        self._counts = dict(zip(labelsets, state["counts"], strict=True))
        self._set_best(tuple(state["best"]))
