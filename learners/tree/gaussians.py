"""Gaussian sufficient statistics of a leaf: of every feature, over all messages and per label."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Floats, Ids, State, Stateful, Values, Vector, compiled, fields, grown
from learners.preprocessing import is_lone, reach

COUNT, MEAN, SQUARES = 0, 1, 2


class LabelGaussians(Stateful):
    """Count, mean and squared deviations of features, per label that occurred and over all messages.

    A message updates the row of all messages and the rows of its labels, no others; the moments of messages
    *without* a label are the difference of two rows. Labels get rows in order of appearance. Wild values
    count as they do in `StandardScaler`, but a feature of which only one value had any size begins anew.

    Attributes
    ----------
    moments
        Count, mean and squared deviations, in double precision because the square of a large float32 value
        overflows float32. Row 0 is for all messages, row i + 1 for `labels[i]`.
        Shape (rows, features, 3), with spare capacity at the end of the first two axes.
    limits
        Least and largest value of each feature, shape (features, 2).
    labels
        Ids of the labels that have a row.
    messages
        Messages counted.

    References
    ----------
    Welford, "Note on a method for calculating corrected sums of squares and products", 1962.
    """

    state_fields = fields(Arrays("moments"), Arrays("limits", cut="features"), Values("labels", "messages"))

    def __init__(self) -> None:
        self.moments: Floats = np.zeros((1, 0, 3))
        self.limits: Floats = np.zeros((0, 2))
        self.labels: list[int] = []
        self.messages = 0
        self.features = 0
        self._rows: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Memory of the statistics, bytes, without spare capacity, which differs after a restart."""
        return 8 * self.features * (3 * (len(self.labels) + 1) + 2)

    def learn(self, x: Vector, positive: Ids) -> None:
        """Count one message whose labels are complete."""
        self.messages += 1
        self.features = max(self.features, len(x))
        rows = np.array([0, *map(self._row, positive.tolist())], dtype=np.intp)
        self.moments = grown(self.moments, len(self.labels) + 1, self.features)
        self.limits = grown(self.limits, self.features)
        _learn(x, rows, self.moments, self.limits)

    def _row(self, label: int) -> int:
        row = self._rows.get(label)
        if row is None:
            self.labels.append(label)
            row = self._rows[label] = len(self.labels)
        return row

    def forget(self, labels: Ids) -> None:
        """Drop the rows of some labels."""
        gone = set(labels.tolist())
        kept = [row for row, label in enumerate(self.labels, 1) if label not in gone]
        if len(kept) < len(self.labels):
            self.moments[1 : len(kept) + 1] = self.moments[kept]
            self.moments[len(kept) + 1 :] = 0.0
            self.labels = [self.labels[row - 1] for row in kept]
            self._rows = {label: row for row, label in enumerate(self.labels, 1)}

    def counts(self) -> Floats:
        """Return the number of messages of each label that has a row, counted in the moments: shape (rows,).

        Examples
        --------
        >>> gaussians = LabelGaussians()
        >>> for labels in ([0, 7], [7]):
        ...     gaussians.learn(np.ones(2, dtype=np.float32), np.array(labels))
        >>> gaussians.labels, gaussians.counts().tolist()
        ([0, 7], [1.0, 2.0])
        """
        # Missing values are not counted, so the feature that is present most often has the best count.
        counts: Floats = self.moments[1 : len(self.labels) + 1, : self.features, COUNT].max(
            axis=1, initial=0.0
        )
        return counts

    def state(self) -> State:
        """Return the whole state; see `Learner.state`."""
        used = self.moments[: len(self.labels) + 1, : self.features]
        return super().state() | {"moments": used}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._rows = {label: row for row, label in enumerate(self.labels, 1)}


@compiled
def _learn(x: Vector, rows: Ids, moments: Floats, limits: Floats) -> None:
    values = np.empty(len(x))
    for i in range(len(x)):
        values[i] = _bounded(np.float64(x[i]), moments[:, i])
    for row in rows:
        for i in range(len(x)):
            if np.isnan(x[i]):
                continue
            count = moments[row, i, COUNT] + 1.0
            if row == 0:
                limits[i, 0] = values[i] if count == 1.0 else min(limits[i, 0], values[i])
                limits[i, 1] = values[i] if count == 1.0 else max(limits[i, 1], values[i])
            delta = values[i] - moments[row, i, MEAN]
            mean = moments[row, i, MEAN] + delta / count
            moments[row, i, SQUARES] += delta * (values[i] - mean)
            moments[row, i, MEAN] = mean
            moments[row, i, COUNT] = count


@compiled
def _bounded(value: float, moments: Floats) -> float:
    """Return a feature's value as it counts; where only one value so far had any size, forget all."""
    count, mean = moments[0, COUNT], moments[0, MEAN]
    variance = moments[0, SQUARES] / max(count, 1.0)
    if is_lone(value, count, mean, variance):
        moments[:] = 0.0
        return value
    bound = reach(count + 1.0, variance)
    return value if abs(value - mean) <= bound else min(max(value, mean - bound), mean + bound)
