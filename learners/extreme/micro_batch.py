"""Messages that are predicted with the same weights and then learned in one step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift.core import State, Stateful, Vector, compiled
from learners.core import Targets, packed, unpacked
from learners.extreme.hard_negatives import Scored
from learners.preprocessing import set_unit


class MicroBatch(Stateful):
    """The messages since the last step.

    A step takes the gradient of all its messages at the weights that they were predicted with, so a message
    does not gain from those before it in its micro-batch. Each row's step size shrinks by all their errors
    first; otherwise it is the step that `teach` takes for one message.

    Parameters
    ----------
    size
        Messages in a step, at least 2.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._inputs: list[Vector] = []
        self._targets: list[Targets] = []
        self._routes: list[list[Scored] | None] = []

    def __len__(self) -> int:
        """Return the number of messages since the last step."""
        return len(self._inputs)

    def add(self, inputs: Vector, targets: Targets, route: list[Scored] | None) -> bool:
        """Add a message, with what was scored if it was predicted; return whether a step is due."""
        self._inputs.append(inputs)
        self._targets.append(targets)
        self._routes.append(route)
        return len(self) == self.size

    @property
    def targets(self) -> Sequence[Targets]:
        """The messages' targets."""
        return self._targets

    @property
    def columns(self) -> int:
        """Length of the longest vector."""
        return max((len(inputs) for inputs in self._inputs), default=0)

    def matrix(self, columns: int) -> Vector:
        """Return the messages' vectors as rows of a matrix, cut or padded with 0."""
        return rows_of(self._inputs, columns)

    def clear(self) -> None:
        """Begin anew, after a step."""
        self._inputs, self._targets, self._routes = [], [], []

    def state(self) -> State:
        """Return the messages since the last step; see `Learner.state`."""
        return {"inputs": self.matrix(self.columns), "targets": packed(self._targets)}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._inputs = list(np.array(state["inputs"], dtype=np.float32))
        self._targets = unpacked(state["targets"])
        self._routes = [None] * len(self)


def inputs_of(xs: Sequence[Vector]) -> Vector:
    """Return `with_intercept(unit(x))` for each vector, as rows of a matrix, padded with 0."""
    inputs = np.ones((len(xs), 1 + max(map(len, xs))), dtype=np.float32)
    _scale(rows_of(xs, inputs.shape[1] - 1), inputs)
    return inputs


@compiled
def _scale(matrix: Vector, inputs: Vector) -> None:
    for row in range(len(matrix)):
        set_unit(matrix[row], inputs[row, 1:])


def rows_of(vectors: Sequence[Vector], columns: int) -> Vector:
    """Return vectors as rows of a matrix, cut or padded with 0."""
    if all(len(vector) == columns for vector in vectors):
        return np.stack(vectors) if vectors else np.zeros((0, columns), dtype=np.float32)
    matrix = np.zeros((len(vectors), columns), dtype=np.float32)
    for number, vector in enumerate(vectors):
        matrix[number, : len(vector)] = vector[:columns]
    return matrix
