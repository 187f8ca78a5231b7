"""The nodes of one height of a label tree: their classifiers, centroids, children and parents."""

from __future__ import annotations

import numpy as np
import torch

from drift.core import Arrays, Ids, Inlined, Parts, State, Stateful, fields, grown
from learners.extreme.classifier_rows import Centroids, ClassifierRows

NOWHERE = -1


class Level(Stateful):
    """All nodes of one height: classifiers, centroids, children and parents. Height 0 holds the labels.

    Parameters
    ----------
    device
        Where weights and centroids are stored; children and parents are on the host.
    rate
        Initial step size of the nodes' classifiers; see `ClassifierRows`.
    fanout
        Most children of a node; 0 for labels, which have neither children nor centroids.
    """

    state_fields = fields(Inlined("rows"), Parts("centroids"), Arrays("children"))

    def __init__(self, device: torch.device, rate: float, fanout: int) -> None:
        self.rows = ClassifierRows(device, rate)
        self.centroids = Centroids(device)
        self.fanout = fanout
        # One place more than allowed, because a node is over-full for a moment before it is divided.
        self.children: Ids = np.full((0, fanout + 1), NOWHERE, dtype=np.intp)
        self.sizes: Ids = np.zeros(0, dtype=np.intp)
        self.parents: Ids = np.zeros(0, dtype=np.intp)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self.rows)

    def reserve(self, nodes: int, columns: int) -> None:
        """Have at least so many nodes, new ones without children and parent."""
        self.rows.reserve(nodes, columns)
        self.parents = grown(self.parents, nodes, fill=NOWHERE)
        if self.fanout:
            # Centroids have no intercept.
            self.centroids.reserve(nodes, columns - 1)
            self.children = grown(self.children, nodes, fill=NOWHERE)
            self.sizes = grown(self.sizes, nodes)

    def overfull(self, node: int) -> bool:
        """Return whether a node has more children than it may keep."""
        return bool(self.sizes[node] > self.fanout)

    def children_of(self, node: int) -> Ids:
        """Return a node's children, shape (n,)."""
        return self.children[node, : self.sizes[node]]

    def set_children(self, node: int, children: Ids) -> None:
        """Replace a node's children."""
        self.children[node] = NOWHERE
        self.children[node, : len(children)] = children
        self.sizes[node] = len(children)

    def add_children(self, node: int, children: Ids) -> None:
        """Add children to a node, at most as many as make it over-full."""
        have = self.sizes[node]
        self.children[node, have : have + len(children)] = children
        self.sizes[node] += len(children)

    def state(self) -> State:
        """Return weights, centroids and children; see `Learner.state`. Parents are in the level above."""
        return super().state() | {"children": self.children[: len(self)]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned, without parents."""
        super().load_state(state)
        self.sizes = (self.children != NOWHERE).sum(axis=1)
        self.parents = np.full(len(self), NOWHERE, dtype=np.intp)
