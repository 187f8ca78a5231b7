"""Rows of weights or means, on a CPU or a CUDA device, that are multiplied with the same input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from drift.core import Arrays, Ids, State, Stateful, Vector, fields, grown

GATHERED = 64
"""Inputs whose rows are gathered and multiplied at once, always so many: so a product keeps its bits."""
ADDED = 4096
"""Rows whose changes are summed at once, which bounds the memory of a step."""


class DeviceRows(Stateful):
    """An array of rows on a device, which grows in both dimensions.

    Parameters
    ----------
    device
        Where the rows are stored.
    dtype
        Data type in which they are stored; results are float32.

    Examples
    --------
    >>> rows = DeviceRows(torch.device("cpu"))
    >>> rows.reserve(3, columns=2)
    >>> rows.put(np.array([1, 2]), np.array([3.0, 4.0], dtype=np.float32))
    >>> rows.products(np.array([0, 2]), np.array([1.0, 1.0], dtype=np.float32)).tolist()
    [0.0, 7.0]
    """

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.device = device
        self._weights = torch.zeros((0, 0), dtype=dtype, device=device)
        self._rows = 0

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._rows

    @property
    def columns(self) -> int:
        """Length of a row."""
        return int(self._weights.shape[1])

    def reserve(self, rows: int, columns: int) -> None:
        """Have at least so many rows and columns, new ones 0, at O(columns) amortised per row."""
        self._rows = max(self._rows, rows)
        height, width = self._weights.shape
        if rows <= height and columns <= width:
            return
        # Columns grow exactly: new features are rare, and spare columns would double the memory of a label.
        shape = (height if rows <= height else max(rows, 2 * height), max(columns, width))
        larger = torch.zeros(shape, dtype=self._weights.dtype, device=self.device)
        larger[:height, :width] = self._weights
        self._weights = larger

    def products(self, ids: Ids | None, inputs: Vector) -> Vector:
        """Return the inner products of some rows, or of all (None), with inputs of shape (d,)."""
        width = min(len(inputs), self.columns)
        rows = self._weights[: self._rows] if ids is None else self._weights.index_select(0, self._moved(ids))
        # PyTorch's copy is aligned: the order of BLAS' additions depends on the address of a vector.
        products: Vector = (rows[:, :width] @ self._moved(inputs[:width]).clone()).cpu().numpy()
        return products

    def products_many(self, ids: Sequence[Ids], inputs: Vector, width: int | None) -> list[Vector]:
        """Return the inner products of some rows with each of the inputs of shape (n, d).

        With a `width`, no smaller than the longest of `ids`, products of `GATHERED` inputs are one operation.
        """
        if width is None:
            return [self.products(some, each) for some, each in zip(ids, inputs, strict=True)]
        made = [
            self._gathered(ids[start : start + GATHERED], inputs[start : start + GATHERED], width)
            for start in range(0, len(ids), GATHERED)
        ]
        products = torch.cat(made)[: len(ids)].cpu().numpy()
        return [product[: len(some)] for product, some in zip(products, ids, strict=True)]

    def _gathered(self, ids: Sequence[Ids], inputs: Vector, width: int) -> torch.Tensor:
        """Return products of shape (GATHERED, width); what is beyond an input's ids has no meaning."""
        places = np.zeros((GATHERED, width), dtype=np.intp)
        for row, some in zip(places, ids, strict=False):
            row[: len(some)] = some
        vectors = np.zeros((GATHERED, self.columns, 1), dtype=np.float32)
        vectors[: len(inputs), : inputs.shape[1], 0] = inputs[:, : self.columns]
        if not self._rows:
            return self._moved(np.zeros(places.shape, dtype=np.float32))
        rows = self._weights.index_select(0, self._moved(places.ravel())).view(*places.shape, -1)
        return torch.bmm(rows, self._moved(vectors)).squeeze(2)

    def tile(self, inputs: Vector) -> torch.Tensor:
        """Return the inner products of inputs of shape (n, columns) with all rows, shape (n, rows)."""
        # A copy, for the reason given in `products`.
        return self._moved(inputs).clone() @ self._weights[: self._rows].T

    def take(self, ids: Ids) -> Vector:
        """Return a copy of some rows, shape (n, columns)."""
        rows: Vector = self._weights.index_select(0, self._moved(ids)).float().cpu().numpy()
        return rows

    def put(self, ids: Ids, numbers: Vector) -> None:
        """Set some rows to the same numbers, padded with 0."""
        padded = np.zeros(self.columns, dtype=np.float32)
        padded[: len(numbers)] = numbers
        self._weights[self._moved(ids)] = self._moved(padded).to(self._weights.dtype)

    def _moved(self, array: Vector | Ids) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)

    def state(self) -> State:
        """Return the rows; see `Learner.state`."""
        return super().state() | {"weights": self._weights[: self._rows].cpu().numpy()}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._weights = torch.tensor(state["weights"], dtype=self._weights.dtype, device=self.device)
        self._rows = len(self._weights)


class Centroids(DeviceRows):
    """Means of vectors, one per row, and the cosine similarity of a vector to each.

    Examples
    --------
    >>> centroids = Centroids(torch.device("cpu"))
    >>> centroids.reserve(2, columns=2)
    >>> centroids.add(0, np.array([1.0, 0.0], dtype=np.float32), times=1)
    >>> centroids.add(0, np.array([0.0, 1.0], dtype=np.float32), times=1)
    >>> centroids.cosines(np.array([0, 1]), np.array([1.0, 0.0], dtype=np.float32)).round(2).tolist()
    [0.7099999785423279, 0.0]
    """

    state_fields = fields(Arrays("counts", "_lengths", cut="_rows"))

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.counts: Vector = np.zeros(0, dtype=np.float32)
        self._lengths: Vector = np.zeros(0, dtype=np.float32)

    def reserve(self, rows: int, columns: int) -> None:
        """See `DeviceRows.reserve`."""
        super().reserve(rows, columns)
        self.counts, self._lengths = grown(self.counts, rows), grown(self._lengths, rows, fill=1.0)

    def cosines(self, ids: Ids, inputs: Vector) -> Vector:
        """Return the cosines of the angles between some rows and inputs of length 1."""
        cosines: Vector = self.products(ids, inputs) / self._lengths[ids]
        return cosines

    def cosines_many(self, ids: Sequence[Ids], inputs: Vector, width: int | None) -> list[Vector]:
        """Return the cosines of the angles between some rows and each of the inputs of length 1."""
        products = self.products_many(ids, inputs, width)
        return [each / self._lengths[some] for each, some in zip(products, ids, strict=True)]

    def add(self, row: int, inputs: Vector, times: int) -> None:
        """Add one more vector to a row's mean, with weight `times`."""
        mean, count = self.take(np.array([row]))[0], self.counts[row] + times
        mean *= self.counts[row] / count
        mean[: len(inputs)] += inputs * np.float32(times / count)
        self.set(row, mean, count)

    def set(self, row: int, mean: Vector, count: float) -> None:
        """Set a row's mean and the number of vectors it is of."""
        self.put(np.array([row]), mean)
        self.counts[row] = count
        self._lengths[row] = max(float(np.sqrt(mean @ mean)), 1e-12)


def merged(means: Vector, counts: Vector) -> tuple[Vector, float]:
    """Return the mean of all vectors behind means of shape (n, d), and their number.

    Examples
    --------
    >>> mean, count = merged(np.array([[0.0], [4.0]], dtype=np.float32), np.array([3, 1], dtype=np.float32))
    >>> mean.tolist(), count
    ([1.0], 4.0)
    """
    total = counts.sum()
    return (counts @ means) / total, float(total)


class ClassifierRows(DeviceRows):
    """Rows of float32 weights of linear classifiers, of which a few are scored and updated at a time.

    A step is AdaGrad with one accumulator per row, not per weight, so a row costs one float more than its
    weights. Weights stay on the device; only logits, and rows that are requested, are copied to the host.

    Parameters
    ----------
    device
        Where the weights are stored.
    rate
        Initial step size of a row, in (0, inf).

    Examples
    --------
    >>> rows = ClassifierRows(torch.device("cpu"), rate=1.0)
    >>> rows.reserve(3, columns=2)
    >>> x = np.ones(2, dtype=np.float32)
    >>> rows.step(np.array([1]), np.array([-1.0], dtype=np.float32), x)
    >>> rows.products(np.array([0, 1]), x).round(2).tolist()
    [0.0, 1.149999976158142]

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", JMLR 2011.
    Naumov et al., "Deep learning recommendation model for personalization and recommendation systems",
    2019: one accumulator per row.
    """

    state_fields = fields(Arrays("_squares", cut="_rows"))

    def __init__(self, device: torch.device, rate: float) -> None:
        super().__init__(device)
        self.rate = rate
        self._squares: Vector = np.zeros(0, dtype=np.float32)

    def reserve(self, rows: int, columns: int) -> None:
        """See `DeviceRows.reserve`."""
        super().reserve(rows, columns)
        self._squares = grown(self._squares, rows)

    def step(self, ids: Ids, errors: Vector, inputs: Vector) -> None:
        """Take a gradient step for some rows, each once; `errors` is prediction minus truth, shape (n,)."""
        self._squares[ids] += errors * errors * np.float32(inputs @ inputs)
        steps = np.float32(-self.rate) * errors / np.sqrt(np.float32(1.0) + self._squares[ids])
        change = torch.outer(self._moved(steps), self._moved(inputs))
        self._weights[:, : len(inputs)].index_add_(0, self._moved(ids), change)

    def step_pairs(self, ids: Ids, messages: Ids, errors: Vector, inputs: Vector) -> None:
        """Take one gradient step for pairs of a row and an input, each once.

        Parameters
        ----------
        ids, messages, errors
            The row and the input of each pair, and prediction minus truth, all of shape (pairs,).
        inputs
            Shape (n, d).
        """
        order = np.argsort(ids, kind="stable")
        rows, starts = np.unique(ids[order], return_index=True)
        bounds, lengths = np.append(starts, len(ids)), (inputs * inputs).sum(axis=1)
        for first in range(0, len(rows), ADDED):
            some = rows[first : first + ADDED]
            sizes = np.diff(bounds[first : first + len(some) + 1])
            pairs = order[bounds[first] : bounds[first + len(some)]]
            # A product of matrices, not a sum by index: that adds in an order of its own on a device.
            table = np.zeros((len(some), len(inputs)), dtype=np.float32)
            table[np.repeat(np.arange(len(some)), sizes), messages[pairs]] = errors[pairs]
            self._squares[some] += (table * table) @ lengths
            table *= (np.float32(-self.rate) / np.sqrt(np.float32(1.0) + self._squares[some]))[:, None]
            change = self._moved(table) @ self._moved(inputs)
            self._weights[:, : inputs.shape[1]].index_add_(0, self._moved(some), change)

    def step_together(self, errors: torch.Tensor, inputs: torch.Tensor) -> None:
        """Take one gradient step for many inputs, shape (n, d); errors have shape (n, rows)."""
        # Squares are summed per input, as in `step`; those of the summed gradient predicted no better.
        rows, lengths = errors.shape[1], (inputs * inputs).sum(1)
        squares = self._moved(self._squares[:rows]) + lengths @ (errors * errors)
        steps = errors * (-self.rate / torch.sqrt(1.0 + squares))
        self._weights[:rows].addmm_(steps.T, inputs)
        self._squares[:rows] = squares.cpu().numpy()

    def set(self, row: int, weights: Vector, like: int) -> None:
        """Set one row's weights; its step size becomes that of row `like`."""
        self.put(np.array([row]), weights)
        self._squares[row] = self._squares[like]
