"""A rehearsal memory of past messages, balanced over labels."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, State, Vector, grown
from learners.core import Targets, check_choice, check_number, filled, packed, unpacked

EVICTIONS = ("importance", "reservoir")
UNLABELLED = -1
"""The class of messages without a label."""

Classes = tuple[int, ...]


class Rehearsal:
    """Keeps the vectors and targets of at most `capacity` messages.

    When it is full, the least important message of the most populated class is evicted, so rare labels stay.
    Classes are the most specific of a message's labels, pseudo-labels included.

    Parameters
    ----------
    capacity
        Messages kept, at least 1. With too few, classes evict each other; memory grows with it.
    eviction
        "importance" (the default), or "reservoir": every message is kept with equal probability.

    References
    ----------
    .. [1] B. H. Lee et al., "Online Continual Learning on Hierarchical Label Expansion", ICCV 2023.
    """

    def __init__(self, capacity: int = 1000, eviction: str = "importance") -> None:
        check_number(self, "capacity", capacity, int, 1)
        check_choice(self, "eviction", eviction, EVICTIONS)
        self.capacity = capacity
        self.eviction = eviction
        self._vectors: Vector = np.zeros((0, 0), dtype=np.float32)
        self._targets: list[Targets] = []
        # The classes of each message, and the messages of each class.
        self._classes: list[Classes] = []
        self._members: dict[int, set[int]] = {}
        self._importance = np.zeros(capacity)
        self._seen = 0

    def __len__(self) -> int:
        """Return how many messages are kept."""
        return len(self._targets)

    def add(self, x: Vector, targets: Targets, classes: Classes, importance: float, chance: float) -> None:
        """Keep one message, filed under some classes.

        Parameters
        ----------
        x
            The message's vector, shape (d,).
        targets
            Its targets.
        classes
            Its most specific labels.
        importance
            How much there is to learn from it: its loss.
        chance
            A random number from [0, 1), by which a reservoir decides whether and where to keep it.
        """
        self._seen += 1
        slot = len(self)
        if slot < self.capacity:
            self._targets.append(targets)
            self._classes.append(())
        else:
            slot = int(chance * self._seen) if self.eviction == "reservoir" else self._least_important()
            if slot >= self.capacity:
                return
            self._unfile(slot)
        self._store(slot, x, targets)
        self._importance[slot] = importance
        self._file(slot, classes)

    def vector(self, slot: int) -> Vector:
        """Return a message's vector, padded to the longest one kept."""
        row: Vector = self._vectors[slot]
        return row

    def targets(self, slot: int) -> Targets:
        """Return a message's targets."""
        return self._targets[slot]

    def refile(self, slot: int, classes: Classes, importance: float) -> None:
        """Set the current classes and importance of a message."""
        self._importance[slot] = importance
        if classes != self._classes[slot]:
            self._unfile(slot)
            self._file(slot, classes)

    def forget(self, labels: Ids) -> None:
        """Remove some labels from the messages and from what they are filed under; see `Learner.forget`."""
        gone = set(labels.tolist())
        for slot, targets in enumerate(self._targets):
            negative = None if targets.negative is None else _without(targets.negative, gone)
            self._targets[slot] = Targets(_without(targets.positive, gone), negative)
            if not gone.isdisjoint(self._classes[slot]):
                self._unfile(slot)
                self._file(slot, tuple(label for label in self._classes[slot] if label not in gone))

    def _least_important(self) -> int:
        largest = max(self._members, key=lambda label: (len(self._members[label]), -label))
        slots = np.array(sorted(self._members[largest]), dtype=np.intp)
        return int(slots[self._importance[slots].argmin()])

    def _store(self, slot: int, x: Vector, targets: Targets) -> None:
        least = min(self.capacity, max(len(self), 16))
        self._vectors = grown(self._vectors, least, len(x))[: self.capacity]
        self._vectors[slot] = 0.0
        self._vectors[slot, : len(x)] = filled(x)
        self._targets[slot] = targets

    def _file(self, slot: int, classes: Classes) -> None:
        self._classes[slot] = classes
        for label in classes or (UNLABELLED,):
            self._members.setdefault(label, set()).add(slot)

    def _unfile(self, slot: int) -> None:
        for label in self._classes[slot] or (UNLABELLED,):
            members = self._members[label]
            members.remove(slot)
            if not members:
                del self._members[label]

    def state(self) -> State:
        """Return the messages and how they are filed; see `Learner.state`."""
        filed = [Targets(np.array(classes, dtype=np.intp)) for classes in self._classes]
        return {
            "vectors": self._vectors[: len(self)],
            "targets": packed(self._targets),
            "classes": packed(filed),
            "importance": self._importance[: len(self)],
            "seen": self._seen,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._vectors = np.array(state["vectors"])
        self._targets = unpacked(state["targets"])
        self._importance = np.zeros(self.capacity)
        self._importance[: len(self)] = state["importance"]
        self._seen = state["seen"]
        self._classes, self._members = [()] * len(self), {}
        for slot, filed in enumerate(unpacked(state["classes"])):
            self._file(slot, tuple(filed.positive.tolist()))


def _without(labels: Ids, gone: set[int]) -> Ids:
    return np.array([label for label in labels.tolist() if label not in gone], dtype=np.intp)
