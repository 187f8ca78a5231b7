"""Messages that are predicted with the same weights and then learned together, as products of matrices."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from drift.core import Ids, Mask, State, Stateful, Vector, compiled
from learners.core import Targets, packed, unpacked
from learners.extreme.classifier_rows import ClassifierRows
from learners.extreme.hard_negatives import TOLERANCE
from learners.linear_model import MicroF1Threshold, sigmoid
from learners.preprocessing import set_unit

TILE = 16
"""Rows in one product of matrices: its shape is always the same, and so are a message's bits."""
LISTED = 64
"""Most labels of a message that are returned; on a device, copying the others would take longest."""


class MicroBatch(Stateful):
    """The messages since the last step, and that step.

    A step takes the gradient of all its messages at the weights that they were predicted with, so a message
    does not gain from those before it in its micro-batch. Each row's step size shrinks by all their errors
    first; otherwise it is the step that `teach` takes for one message.

    Parameters
    ----------
    rows
        The labels' classifiers.
    threshold
        Learns from the labels that were listed.
    size
        Messages in a step, at least 2.
    """

    def __init__(self, rows: ClassifierRows, threshold: MicroF1Threshold, size: int) -> None:
        self.rows = rows
        self.threshold = threshold
        self.size = size
        self._inputs: list[Vector] = []
        self._targets: list[Targets] = []

    def __len__(self) -> int:
        """Return the number of messages since the last step."""
        return len(self._inputs)

    def add(self, inputs: Vector, targets: Targets) -> bool:
        """Add a message; return whether a step is due."""
        self._inputs.append(inputs)
        self._targets.append(targets)
        return len(self) == self.size

    @property
    def targets(self) -> Sequence[Targets]:
        """The messages' targets."""
        return self._targets

    @property
    def columns(self) -> int:
        """Length of the longest vector."""
        return max((len(inputs) for inputs in self._inputs), default=0)

    def best(self, inputs: Vector, seen: Mask) -> tuple[Vector, NDArray[np.int64]]:
        """Return the logits and the ids of the best labels for each row of inputs, by ascending id.

        `seen` has shape (L,); fewer than `LISTED` labels are all returned.
        """
        if not seen.any():
            nothing = np.zeros((len(inputs), 0))
            return nothing.astype(np.float32), nothing.astype(np.int64)
        logits, ids = _best(self._logits(_matrix(list(inputs), self.rows.columns), seen))
        return logits.cpu().numpy(), ids.cpu().numpy()

    def step(self, seen: Mask) -> None:
        """Learn the messages, and begin anew; `seen` has shape (L,)."""
        matrix = _matrix(self._inputs, self.rows.columns)
        logits = self._logits(matrix, seen)
        counts = [len(each.positive) for each in self._targets]
        messages = self._moved(np.repeat(np.arange(len(counts)), counts))
        labels = self._moved(np.concatenate([each.positive for each in self._targets]))
        self._learn_threshold(logits, messages, labels, np.array(counts))
        errors = torch.sigmoid_(logits)
        errors[messages, labels] -= 1.0
        for number, each in enumerate(self._targets):
            if each.negative is not None:
                errors[number, self._moved(each.unknown(len(seen)))] = 0.0
        errors.masked_fill_(errors.abs() <= TOLERANCE, 0.0)
        self.rows.step_together(errors, self._moved(matrix))
        self._inputs, self._targets = [], []

    def _logits(self, matrix: Vector, seen: Mask) -> torch.Tensor:
        """Return the logits of every label, shape (messages, L); those of labels not seen are -inf."""
        # A sum's order of additions depends on the row in the tile, so that depends on the vector alone.
        taken, places = [0] * TILE, []
        for vector in matrix:
            row = zlib.crc32(vector) % TILE
            places.append(TILE * taken[row] + row)
            taken[row] += 1
        padded = np.zeros((TILE * max(taken), matrix.shape[1]), dtype=np.float32)
        padded[places] = matrix
        tiles = [self.rows.tile(padded[start : start + TILE]) for start in range(0, len(padded), TILE)]
        logits = torch.cat(tiles)[self._moved(np.array(places)), : len(seen)]
        return logits.masked_fill_(self._moved(~seen), -torch.inf)

    def _learn_threshold(
        self, logits: torch.Tensor, messages: torch.Tensor, labels: torch.Tensor, counts: Ids
    ) -> None:
        truth = torch.zeros_like(logits, dtype=torch.bool)
        truth[messages, labels] = True
        best, ids = _best(logits)
        complete = np.array([each.complete for each in self._targets])
        self.threshold.learn_many(
            sigmoids(best.cpu().numpy())[complete],
            truth.gather(1, ids).cpu().numpy()[complete],
            counts[complete],
        )

    def _moved(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self.rows.device)

    def state(self) -> State:
        """Return the messages since the last step; see `Learner.state`."""
        return {"inputs": _matrix(self._inputs, self.columns), "targets": packed(self._targets)}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._inputs = list(np.array(state["inputs"], dtype=np.float32).reshape(len(state["inputs"]), -1))
        self._targets = unpacked(state["targets"])


def _best(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best logits of each message and their labels, by ascending label."""
    labels = torch.topk(logits, min(LISTED, logits.shape[1])).indices.sort().values
    return logits.gather(1, labels), labels


def sigmoids(logits: Vector) -> Vector:
    """Return the probabilities of logits of shape (messages, n)."""
    return sigmoid(logits.ravel()).reshape(logits.shape)


def inputs_of(xs: Sequence[Vector]) -> Vector:
    """Return `with_intercept(unit(x))` for each vector, as rows of a matrix, padded with 0."""
    inputs = np.ones((len(xs), 1 + max(map(len, xs))), dtype=np.float32)
    _scale(_matrix(xs, inputs.shape[1] - 1), inputs)
    return inputs


@compiled
def _scale(matrix: Vector, inputs: Vector) -> None:
    for row in range(len(matrix)):
        set_unit(matrix[row], inputs[row, 1:])


def _matrix(vectors: Sequence[Vector], columns: int) -> Vector:
    """Return vectors as rows of a matrix, cut or padded with 0."""
    if all(len(vector) == columns for vector in vectors):
        return np.stack(vectors) if vectors else np.zeros((0, columns), dtype=np.float32)
    matrix = np.zeros((len(vectors), columns), dtype=np.float32)
    for number, vector in enumerate(vectors):
        matrix[number, : len(vector)] = vector[:columns]
    return matrix
