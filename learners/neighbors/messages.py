"""Messages kept whole, oldest first: their vectors and what is known of their labels."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Floats, Ids, State, Stateful, Vector, compiled, fields
from learners.core import Targets, packed, unpacked
from learners.neighbors.ranges import Ranges, within


class Messages(Stateful):
    """Vectors and targets, with distances to them. It has no bound of its own.

    Attributes
    ----------
    vectors
        A row a feature and a column a message, so that distances to all are summed side by side.
    targets
        What is known of each message's labels.
    """

    state_fields = fields(Arrays("vectors"))

    def __init__(self) -> None:
        self.vectors: Vector = np.zeros((0, 0), dtype=np.float32)
        self.targets: list[Targets] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.targets)

    def add(self, vectors: Vector, targets: list[Targets]) -> None:
        """Append messages, a column each; what is missing of either's features is 0."""
        have, more = self.vectors, vectors
        joined = np.zeros((max(len(have), len(more)), have.shape[1] + more.shape[1]), dtype=np.float32)
        joined[: len(have), : have.shape[1]] = have
        joined[: len(more), have.shape[1] :] = more
        self.vectors = joined
        self.targets = self.targets + targets

    def take(self, count: int) -> tuple[Vector, list[Targets]]:
        """Remove the oldest messages, and return them."""
        taken = self.vectors[:, :count], self.targets[:count]
        self.vectors, self.targets = self.vectors[:, count:].copy(), self.targets[count:]
        return taken

    def keep(self, rows: Ids) -> None:
        """Remove all but some messages, whose order is kept."""
        self.vectors = self.vectors[:, rows]
        self.targets = [self.targets[row] for row in rows.tolist()]

    def distances(self, x: Vector, ranges: Ranges) -> Vector:
        """Return the squared distance to each message, with features kept within their ranges and scaled."""
        squares = np.zeros(len(self))
        _add_squares(self.vectors, *ranges, x, squares)
        # Single precision, as they are kept: ties are ties in either place.
        return squares.astype(np.float32)

    def forget(self, labels: Ids) -> None:
        """Strike labels that leave out of what is known."""
        self.targets = [each.without(labels) for each in self.targets]

    def state(self) -> State:
        """See `Stateful`."""
        return super().state() | packed(self.targets)

    def load_state(self, state: State) -> None:
        """See `Stateful`."""
        super().load_state(state)
        self.targets = unpacked(state)


@compiled
def _add_squares(vectors: Vector, low: Vector, high: Vector, x: Vector, squares: Floats) -> None:
    for feature in range(len(low)):
        spread = np.float64(high[feature]) - np.float64(low[feature])
        if spread == 0.0:
            continue
        own = within(x[feature] if feature < len(x) else np.float32(0.0), low[feature], high[feature])
        for message in range(len(squares)):
            other = vectors[feature, message] if feature < len(vectors) else np.float32(0.0)
            difference = (own - within(other, low[feature], high[feature])) / spread
            squares[message] += difference * difference
