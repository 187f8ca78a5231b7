"""Baselines of continual learning on dense vectors whose labels are paths, for the benchmark `hle`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from drift.core import Vector
from tests.benchmarks.hierarchies import Set

BATCH = 16
CANDIDATES = 50
"""Remembered messages that MIR chooses from, and that CLIB measures its steps on."""
LATELY = 100
"""Messages after which EWC++ moves its anchor; BiC takes classes of the last ones as new."""

Message = tuple[Vector, str]


class Method(Protocol):
    """A method to compare."""

    def learn(self, x: Vector, path: str) -> None:
        """Learn from one message."""

    def answer(self, x: Sequence[Vector], level: int) -> list[str]:
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

    def answer(self, x: Sequence[Vector], level: int) -> list[str]:
        """See `Method.answer`."""
        names = [name for name in self._sums if name.count("/") == level]
        if not names:
            return [""] * len(x)
        means = np.stack([self._sums[name] / self._counts[name] for name in names])
        nearest = ((np.stack(x)[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
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
        self._names: list[list[str]] = [[] for _ in range(data.levels)]
        self._begin(seed)

    def _begin(self, seed: int) -> None:
        torch.manual_seed(seed)
        width = len(set(self._data.paths))
        self._heads = torch.nn.ModuleList(
            torch.nn.Linear(len(self._data.x[0]), width) for _ in range(self._data.levels)
        )
        self._optimizer = torch.optim.Adam(self._heads.parameters(), lr=self._data.rate)

    def learn(self, x: Vector, path: str) -> None:
        """Store one message and take three steps."""
        self._remember(x, path)
        for _ in range(3):
            self._step([(x, path), *self._recalled((x, path))])

    def _remember(self, x: Vector, path: str) -> None:
        names = self._names[path.count("/")]
        if path not in names:
            names.append(path)
        if len(self._memory) >= self._data.memory:
            told = [name for _, name in self._memory]
            largest = max(sorted(set(told)), key=told.count)
            self._forget([place for place, name in enumerate(told) if name == largest])
        self._memory.append((x, path))

    def _forget(self, mates: list[int]) -> None:
        """Take one of these places, all of one class, out of the memory."""
        self._memory.pop(mates[self._draw.integers(len(mates))])

    def _recalled(self, message: Message) -> list[Message]:
        """Return what is rehearsed with a message."""
        del message
        return self._drawn(BATCH - 1)

    def _drawn(self, count: int) -> list[Message]:
        return [self._memory[place] for place in self._draw.integers(len(self._memory), size=count)]

    def _logits(self, level: int, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._heads[level](x)[:, : len(self._names[level])]
        return logits

    def _losses(self, batch: list[Message]) -> torch.Tensor:
        """Return the cross-entropy of each message, in the softmax of its own level."""
        losses = torch.zeros(len(batch))
        for level, names in enumerate(self._names):
            mine = [place for place, (_, path) in enumerate(batch) if path.count("/") == level]
            if mine:
                x = _rows([batch[place][0] for place in mine])
                told = torch.tensor([names.index(batch[place][1]) for place in mine])
                own = torch.nn.functional.cross_entropy(self._logits(level, x), told, reduction="none")
                losses = losses.index_put((torch.tensor(mine),), own)
        return losses

    def _step(self, batch: list[Message]) -> None:
        self._descend(self._losses(batch).mean())

    def _descend(self, loss: torch.Tensor) -> None:
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()

    def answer(self, x: Sequence[Vector], level: int) -> list[str]:
        """See `Method.answer`."""
        names = self._names[level]
        if not names:
            return [""] * len(x)
        with torch.no_grad():
            best = self._logits(level, _rows(x)).argmax(dim=1)
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

    def answer(self, x: Sequence[Vector], level: int) -> list[str]:
        """Train on the memory, then answer."""
        self._begin(0)
        for _ in range(600):
            self._step(self._drawn(2 * BATCH))
        return super().answer(x, level)


class MIR(Replay):
    """MIR: rehearses what a virtual step on the new message would harm most.

    References
    ----------
    .. [1] R. Aljundi et al., "Online Continual Learning with Maximally Interfered Retrieval", NeurIPS 2019.
    """

    def _recalled(self, message: Message) -> list[Message]:
        candidates = self._drawn(CANDIDATES)
        before = self._losses(candidates).detach()
        kept = [weights.detach().clone() for weights in self._heads.parameters()]
        gradients = torch.autograd.grad(
            self._losses([message]).sum(), list(self._heads.parameters()), allow_unused=True
        )
        with torch.no_grad():
            for weights, gradient in zip(self._heads.parameters(), gradients, strict=True):
                weights.sub_(0.0 if gradient is None else self._data.rate * gradient)
            harm = self._losses(candidates) - before
            for weights, former in zip(self._heads.parameters(), kept, strict=True):
                weights.copy_(former)
        worst = torch.argsort(harm, descending=True)[: BATCH - 1]
        return [candidates[place] for place in worst.tolist()]


class CLIB(Replay):
    """CLIB: learns from the memory alone; of the largest class the least important message leaves.

    Importance is how much the steps that a message was part of lowered the loss on the memory (a decayed
    mean); the adaptive learning rate is left out.

    References
    ----------
    .. [1] H. Koh et al., "Online Continual Learning on Class Incremental Blurry Task Configuration with
       Anytime Inference", ICLR 2022.
    """

    def _begin(self, seed: int) -> None:
        super()._begin(seed)
        self._importance: dict[bytes, float] = {}

    def learn(self, x: Vector, path: str) -> None:
        """Store one message and take three steps on the memory."""
        self._remember(x, path)
        for _ in range(3):
            batch, judges = self._drawn(BATCH), self._drawn(CANDIDATES)
            before = float(self._losses(judges).detach().mean())
            self._step(batch)
            gained = before - float(self._losses(judges).detach().mean())
            for key in [x.tobytes() for x, _ in batch]:
                self._importance[key] = 0.9 * self._importance.get(key, gained) + 0.1 * gained

    def _forget(self, mates: list[int]) -> None:
        worth = [self._importance.get(self._memory[place][0].tobytes(), 0.0) for place in mates]
        x, _ = self._memory.pop(mates[int(np.argmin(worth))])
        self._importance.pop(x.tobytes(), None)


class RM(Replay):
    """RM: of the largest class the message leaves whose uncertainty is most like another one's.

    Uncertainty is the mean loss under noise; the published augmentation of images is left out.

    References
    ----------
    .. [1] J. Bang et al., "Rainbow Memory: Continual Learning with a Memory of Diverse Samples", CVPR 2021.
    """

    def _forget(self, mates: list[int]) -> None:
        messages = [self._memory[place] for place in mates]
        noisy = [
            (x + self._draw.normal(scale=0.1, size=len(x)).astype(np.float32), path)
            for x, path in messages
            for _ in range(3)
        ]
        uncertainty = self._losses(noisy).detach().reshape(-1, 3).mean(dim=1).numpy()
        order = np.argsort(uncertainty, kind="stable")
        gaps = np.diff(uncertainty[order])
        leaving = order[int(gaps.argmin()) + 1] if len(gaps) else 0
        self._memory.pop(mates[int(leaving)])


class EWC(Replay):
    """EWC++ with a memory: weights that mattered (a running Fisher information) are held near an anchor.

    References
    ----------
    .. [1] A. Chaudhry et al., "Riemannian Walk for Incremental Learning", ECCV 2018.
    """

    STRENGTH, KEEP = 10.0, 0.99

    def _begin(self, seed: int) -> None:
        super()._begin(seed)
        self._fisher = [torch.zeros_like(weights) for weights in self._heads.parameters()]
        self._anchor = [weights.detach().clone() for weights in self._heads.parameters()]
        self._steps = 0

    def _step(self, batch: list[Message]) -> None:
        weights = list(self._heads.parameters())
        terms = zip(self._fisher, weights, self._anchor, strict=True)
        held = sum(((fisher * (now - anchor) ** 2).sum() for fisher, now, anchor in terms), torch.zeros(()))
        self._descend(self._losses(batch).mean() + self.STRENGTH * held)
        for fisher, now in zip(self._fisher, weights, strict=True):
            if now.grad is not None:
                fisher.mul_(self.KEEP).add_((1.0 - self.KEEP) * now.grad**2)
        self._steps += 1
        if self._steps % (3 * LATELY) == 0:
            self._anchor = [now.detach().clone() for now in weights]


class BiC(Replay):
    """BiC: a scale and a shift of the new classes' logits, fitted on a tenth of the memory, kept apart.

    References
    ----------
    .. [1] Y. Wu et al., "Large Scale Incremental Learning", CVPR 2019.
    """

    def _begin(self, seed: int) -> None:
        super()._begin(seed)
        self._last: list[str] = []

    def learn(self, x: Vector, path: str) -> None:
        """Store one message and take three steps."""
        self._last = [*self._last[1 - LATELY :], path]
        super().learn(x, path)

    def _drawn(self, count: int) -> list[Message]:
        rehearsed = [message for message in self._memory if not _held_out(message)] or self._memory
        return [rehearsed[place] for place in self._draw.integers(len(rehearsed), size=count)]

    def answer(self, x: Sequence[Vector], level: int) -> list[str]:
        """Fit the correction, then answer."""
        names = self._names[level]
        held = [each for each in self._memory if each[1].count("/") == level and _held_out(each)]
        if not names or not held:
            return super().answer(x, level)
        new = torch.tensor([name in self._last for name in names])
        told = torch.tensor([names.index(path) for _, path in held])
        with torch.no_grad():
            logits = self._logits(level, _rows([x for x, _ in held]))
            asked = self._logits(level, _rows(x))
        scale, shift = torch.ones((), requires_grad=True), torch.zeros((), requires_grad=True)
        optimizer = torch.optim.Adam([scale, shift], lr=0.05)
        for _ in range(100):
            corrected = torch.where(new, scale * logits + shift, logits)
            optimizer.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(corrected, told))
            optimizer.step()
        best = torch.where(new, scale * asked + shift, asked).argmax(dim=1)
        return [names[place] for place in best.tolist()]


def _held_out(message: Message) -> bool:
    """Return whether a message is one of the tenth that fits BiC's correction."""
    return zlib.crc32(message[0].tobytes()) % 10 == 0


def _rows(x: Sequence[Vector]) -> torch.Tensor:
    return torch.from_numpy(np.stack(x))
