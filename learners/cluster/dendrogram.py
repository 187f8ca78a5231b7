"""A dendrogram: a binary tree whose leaves partition the labels."""

from __future__ import annotations

import bisect
import heapq
from typing import Any

import numpy as np

from drift.core import Counts, Ids, State, grown


class Dendrogram:
    """A binary tree of label clusters to split, extend and prune; only its leaves hold labels.

    Starts as one empty leaf, 0. Ids of removed nodes are reused, so that arrays with a row per id stay small:
    all ids are below `ids`.

    Examples
    --------
    >>> tree = Dendrogram()
    >>> tree.reserve(3)
    >>> tree.fill([0, 1, 2], 0)
    >>> leaf = tree.add_leaf(0)
    >>> tree.move(1, leaf)
    >>> tree.members(0), tree.members(leaf), tree.nested()
    ([0, 2], [1], (0, 2))
    """

    def __init__(self) -> None:
        self.ids = 1
        self._owner: Ids = np.zeros(0, dtype=np.intp)
        self._labels = 0
        self._members: dict[int, list[int]] = {0: []}
        self._sizes: Counts = np.zeros(16, dtype=np.int64)
        self._parent: dict[int, int] = {}
        self._children: dict[int, tuple[int, int]] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return the number of leaves."""
        return len(self._members)

    def __contains__(self, leaf: int) -> bool:
        """Return whether there is such a leaf."""
        return leaf in self._members

    @property
    def labels(self) -> int:
        """Number of labels."""
        return self._labels

    @property
    def owners(self) -> Ids:
        """The leaf of every label, shape (L,)."""
        return self._owner[: self._labels]

    @property
    def sizes(self) -> Counts:
        """Number of labels in each leaf, by id; at least `ids` long."""
        return self._sizes

    def leaves(self) -> list[int]:
        """Return the ids of all leaves, ascending."""
        return sorted(self._members)

    def members(self, leaf: int) -> list[int]:
        """Return the labels of a leaf, ascending."""
        return list(self._members[leaf])

    def nested(self, node: int | None = None) -> Any:
        """Return what is under a node (default: the root) as nested pairs of leaves."""
        node = self._root() if node is None else node
        return tuple(map(self.nested, self._children[node])) if node in self._children else node

    def splits(self) -> list[tuple[int, int, int]]:
        """Return the inner nodes, each with its two children, in order of id."""
        return [(node, *self._children[node]) for node in sorted(self._children)]

    def shallow_leaf(self) -> int:
        """Return a leaf at which to add new ones; it varies with `ids`, so that the tree stays shallow."""
        node, turns = self._root(), self.ids // 2
        while node in self._children:
            node, turns = self._children[node][turns % 2], turns // 2
        return node

    def reserve(self, labels: int) -> None:
        """Make room for `labels` labels; each new one must be assigned to a leaf."""
        self._owner, self._labels = grown(self._owner, labels), labels

    def put(self, label: int, leaf: int) -> None:
        """Assign a label that is in no leaf to one."""
        self._owner[label] = leaf
        bisect.insort(self._members[leaf], label)
        self._sizes[leaf] += 1

    def fill(self, labels: list[int], leaf: int) -> None:
        """Assign labels that are in no leaf to one."""
        self._members[leaf] = sorted(self._members[leaf] + labels)
        self._owner[labels] = leaf
        self._sizes[leaf] += len(labels)

    def move(self, label: int, leaf: int) -> None:
        """Move a label to another leaf."""
        own = int(self._owner[label])
        self._members[own].remove(label)
        self._sizes[own] -= 1
        self.put(label, leaf)

    def add_leaf(self, sibling: int) -> int:
        """Add a new, empty leaf as the sibling of another, under a new inner node; return its id."""
        inner, leaf = self._new_id(), self._new_id()
        self._replace(sibling, inner)
        self._children[inner] = (sibling, leaf)
        self._parent[sibling] = self._parent[leaf] = inner
        self._members[leaf] = []
        return leaf

    def remove(self, leaf: int) -> None:
        """Remove an empty leaf, which must not be the only one: its sibling takes the parent's place."""
        del self._members[leaf]
        inner = self._parent.pop(leaf)
        sibling = next(child for child in self._children.pop(inner) if child != leaf)
        self._replace(inner, sibling)
        heapq.heappush(self._free, leaf)
        heapq.heappush(self._free, inner)

    def _new_id(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self.ids += 1
        self._sizes = grown(self._sizes, self.ids)
        return self.ids - 1

    def _replace(self, node: int, by: int) -> None:
        """Put a node in the place of another."""
        parent = self._parent.pop(node, None)
        if parent is None:
            self._parent.pop(by, None)
            return
        first, second = self._children[parent]
        self._children[parent] = (by, second) if first == node else (first, by)
        self._parent[by] = parent

    def _root(self) -> int:
        node = next(iter(self._members))
        while node in self._parent:
            node = self._parent[node]
        return node

    def state(self) -> State:
        """Return labels and tree; see `Learner.state`."""
        inner = [(node, *pair) for node, pair in self._children.items()]
        return {
            "owner": self.owners.copy(),
            "leaves": np.array(list(self._members), dtype=np.intp),
            "inner": np.array(inner, dtype=np.intp).reshape(-1, 3),
            "ids": self.ids,
            "free": sorted(self._free),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._owner = np.array(state["owner"], dtype=np.intp)
        self._labels = len(self._owner)
        self.ids = state["ids"]
        self._sizes = np.zeros(self.ids, dtype=np.int64)
        self._members = {leaf: [] for leaf in state["leaves"].tolist()}
        for label, leaf in enumerate(self._owner.tolist()):
            self._members[leaf].append(label)
            self._sizes[leaf] += 1
        self._children = {node: (first, second) for node, first, second in state["inner"].tolist()}
        self._parent = {child: node for node, pair in self._children.items() for child in pair}
        self._free = list(state["free"])
