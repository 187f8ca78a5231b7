"""Many linear classifiers that see the same input: one row of weights each, on a CPU or a CUDA device."""

from __future__ import annotations

import numpy as np
import torch

from learners.base import State, Vector
from learners.growth import grown
from learners.labels import Ids


class ClassifierRows:
    """Rows of float32 weights, scored and taught a few at a time, however many there are.

    A step is AdaGrad with one accumulator a row, not one a weight, so a row costs one float more than its
    weights. Weights live on the device; only logits, and rows that are asked for, come back.

    Parameters
    ----------
    device
        Where the weights live.
    rate
        Step of a row at its first gradients, in (0, inf).

    Examples
    --------
    >>> rows = ClassifierRows(torch.device("cpu"), rate=1.0)
    >>> rows.reserve(3, columns=2)
    >>> x = np.ones(2, dtype=np.float32)
    >>> rows.step(np.array([1]), np.array([-1.0], dtype=np.float32), x)
    >>> rows.logits(np.array([0, 1]), x).round(2).tolist()
    [0.0, 1.149999976158142]

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", JMLR 2011.
    Naumov et al., "Deep learning recommendation model for personalization and recommendation systems",
    2019: one accumulator a row.
    """

    def __init__(self, device: torch.device, rate: float) -> None:
        self.device = device
        self.rate = rate
        self._weights = torch.zeros((0, 0), device=device)
        self._squares: Vector = np.zeros(0, dtype=np.float32)
        self._rows = 0

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._rows

    @property
    def columns(self) -> int:
        """Weights of a row."""
        return int(self._weights.shape[1])

    def reserve(self, rows: int, columns: int) -> None:
        """Have at least so many rows and columns, new ones 0, at O(columns) amortised a row."""
        self._rows = max(self._rows, rows)
        self._squares = grown(self._squares, rows)
        height, width = self._weights.shape
        if rows <= height and columns <= width:
            return
        # A new column is a new feature, and rare: room in advance would double what a label costs.
        shape = (height if rows <= height else max(rows, 2 * height), max(columns, width))
        larger = torch.zeros(shape, device=self.device)
        larger[:height, :width] = self._weights
        self._weights = larger

    def logits(self, ids: Ids | None, inputs: Vector) -> Vector:
        """Return the logits of some rows, or of all, for inputs of shape (d,)."""
        width = min(len(inputs), self.columns)
        rows = self._weights[: self._rows] if ids is None else self._weights.index_select(0, self._moved(ids))
        logits: Vector = (rows[:, :width] @ self._moved(inputs[:width])).cpu().numpy()
        return logits

    def step(self, ids: Ids, errors: Vector, inputs: Vector) -> None:
        """Take a gradient step for some rows, each once; `errors` is prediction minus truth, shape (n,)."""
        self._squares[ids] += errors * errors * np.float32(inputs @ inputs)
        steps = np.float32(-self.rate) * errors / np.sqrt(np.float32(1.0) + self._squares[ids])
        change = torch.outer(self._moved(steps), self._moved(inputs))
        self._weights[:, : len(inputs)].index_add_(0, self._moved(ids), change)

    def take(self, ids: Ids) -> Vector:
        """Return a copy of some rows, shape (n, columns)."""
        rows: Vector = self._weights.index_select(0, self._moved(ids)).cpu().numpy()
        return rows

    def put(self, row: int, weights: Vector, like: int) -> None:
        """Set one row's weights; it goes on as fast as row `like`."""
        self._weights[row, : len(weights)] = self._moved(weights)
        self._squares[row] = self._squares[like]

    def _moved(self, array: Vector | Ids) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)

    def state(self) -> State:
        """Return weights and accumulators; see `Learner.state`."""
        return {"weights": self._weights[: self._rows].cpu().numpy(), "squares": self._squares[: self._rows]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._weights = torch.tensor(state["weights"], device=self.device)
        self._squares = np.array(state["squares"])
        self._rows = len(self._squares)
