"""Baselines of continual learning on images whose labels are `parent/class`, for the benchmark `hle`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from drift.core import Vector

BATCH = 16
LEVELS = 2


class Set(NamedTuple):
    """Images, the path (`parent/class`) of each, and how they are used."""

    x: npt.NDArray[np.float32]
    paths: list[str]
    tests: int
    """Number of images at the end that are predicted and never learned from."""
    tasks: tuple[str, ...]
    """Classes, in pairs, in the order in which they appear."""
    memory: int
    rate: float
    """Adam's learning rate, for the baselines."""


class Method(Protocol):
    """A method to compare."""

    def learn(self, x: Vector, path: str) -> None:
        """Learn from one message."""

    def answer(self, x: npt.NDArray[np.float32], level: int) -> list[str]:
        """Return the most probable label of a level for each row, "" while it knows none."""

    def remembered(self) -> list[tuple[bytes, str]]:
        """Return the vectors in the memory, and the path that each was learned with."""


class ClassMeans:
    """The nearest mean of each class; no memory."""

    def __init__(self) -> None:
        self._sums: dict[str, Vector] = {}
        self._counts: dict[str, int] = {}

    def learn(self, x: Vector, path: str) -> None:
        """Move one mean."""
        self._sums[path] = self._sums.get(path, np.zeros_like(x)) + x
        self._counts[path] = self._counts.get(path, 0) + 1

    def answer(self, x: npt.NDArray[np.float32], level: int) -> list[str]:
        """See `Method.answer`."""
        names = [name for name in self._sums if name.count("/") == level]
        if not names:
            return [""] * len(x)
        means = np.stack([self._sums[name] / self._counts[name] for name in names])
        nearest = ((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        return [names[place] for place in nearest]

    def remembered(self) -> list[tuple[bytes, str]]:
        """Return nothing."""
        return []


class Replay:
    """ER: a softmax per level; three steps per message on it and on some of a memory balanced by class.

    References
    ----------
    .. [1] A. Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019.
    """

    def __init__(self, data: Set, seed: int) -> None:
        self._data, self._draw = data, np.random.default_rng(seed)
        self._memory: list[tuple[Vector, str]] = []
        # By level: the classes, in order of appearance.
        self._names: list[list[str]] = [[] for _ in range(LEVELS)]
        self._begin(seed)

    def _begin(self, seed: int) -> None:
        torch.manual_seed(seed)
        width = len(set(self._data.paths))
        self._heads = torch.nn.ModuleList(
            torch.nn.Linear(self._data.x.shape[1], width) for _ in range(LEVELS)
        )
        self._optimizer = torch.optim.Adam(self._heads.parameters(), lr=self._data.rate)

    def learn(self, x: Vector, path: str) -> None:
        """Store one message and take three steps."""
        self._remember(x, path)
        for _ in range(3):
            self._step([(x, path), *self._drawn(BATCH - 1)])

    def _remember(self, x: Vector, path: str) -> None:
        names = self._names[path.count("/")]
        if path not in names:
            names.append(path)
        if len(self._memory) >= self._data.memory:
            told = [name for _, name in self._memory]
            largest = max(sorted(set(told)), key=told.count)
            mates = [place for place, name in enumerate(told) if name == largest]
            self._memory.pop(mates[self._draw.integers(len(mates))])
        self._memory.append((x, path))

    def _drawn(self, count: int) -> list[tuple[Vector, str]]:
        return [self._memory[place] for place in self._draw.integers(len(self._memory), size=count)]

    def _step(self, batch: list[tuple[Vector, str]]) -> None:
        loss = torch.zeros(())
        for level, names in enumerate(self._names):
            mine = [(x, path) for x, path in batch if path.count("/") == level]
            if mine:
                x = torch.from_numpy(np.stack([x for x, _ in mine]))
                told = torch.tensor([names.index(path) for _, path in mine])
                logits = self._heads[level](x)[:, : len(names)]
                loss = loss + torch.nn.functional.cross_entropy(logits, told, reduction="sum")
        self._optimizer.zero_grad()
        torch.autograd.backward(loss / len(batch))
        self._optimizer.step()

    def answer(self, x: npt.NDArray[np.float32], level: int) -> list[str]:
        """See `Method.answer`."""
        names = self._names[level]
        if not names:
            return [""] * len(x)
        with torch.no_grad():
            best = self._heads[level](torch.from_numpy(x))[:, : len(names)].argmax(dim=1)
        return [names[place] for place in best.tolist()]

    def remembered(self) -> list[tuple[bytes, str]]:
        """See `Method.remembered`."""
        return [(x.tobytes(), path) for x, path in self._memory]


class GDumb(Replay):
    """GDumb: the same memory, and heads trained on it alone, from scratch, before each prediction.

    References
    ----------
    .. [1] A. Prabhu, P. Torr and P. Dokania, "GDumb: A Simple Approach that Questions Our Progress in
       Continual Learning", ECCV 2020.
    """

    def learn(self, x: Vector, path: str) -> None:
        """Store one message."""
        self._remember(x, path)

    def answer(self, x: npt.NDArray[np.float32], level: int) -> list[str]:
        """Train on the memory, then answer."""
        self._begin(0)
        for _ in range(600):
            self._step(self._drawn(2 * BATCH))
        return super().answer(x, level)
