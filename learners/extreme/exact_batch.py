"""Micro-batches with every label scored: products of all messages with all classifiers."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from drift.core import Ids, Mask, Vector
from learners.extreme.classifier_rows import ClassifierRows
from learners.extreme.hard_negatives import TOLERANCE, Scored
from learners.extreme.micro_batch import MicroBatch, rows_of
from learners.linear_model import MicroF1Threshold, sigmoid

TILE = 16
"""Rows in one product of matrices: its shape is always the same, and so are a message's bits."""
LISTED = 64
"""Most labels of a message that are returned; on a device, copying the others would take longest."""


class ExactBatch(MicroBatch):
    """The messages since the last step, and that step.

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
        super().__init__(size)
        self.rows = rows
        self.threshold = threshold

    def route(self, inputs: Vector, seen: Mask) -> list[list[Scored]]:
        """Return the best labels for each row of inputs; `seen` has shape (L,).

        Fewer than `LISTED` labels are all returned.
        """
        if not seen.any():
            return [[Scored()] for _ in inputs]
        logits, ids = _best(self._logits(rows_of(list(inputs), self.rows.columns), seen))
        pairs = zip(ids.cpu().numpy(), logits.cpu().numpy(), strict=True)
        return [[Scored(*pair)] for pair in pairs]

    def step(self, seen: Mask) -> None:
        """Learn the messages; `seen` has shape (L,)."""
        matrix = self.matrix(self.rows.columns)
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
            sigmoid(best.cpu().numpy().ravel()).reshape(best.shape)[complete],
            truth.gather(1, ids).cpu().numpy()[complete],
            counts[complete],
        )

    def _moved(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self.rows.device)


def _best(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best logits of each message and their labels, by ascending label."""
    labels = torch.topk(logits, min(LISTED, logits.shape[1])).indices.sort().values
    return logits.gather(1, labels), labels
