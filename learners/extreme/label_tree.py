"""A tree of classifiers and centroids that leads from a vector to the few labels worth scoring.

The tree is a B+-tree whose keys are classifiers: labels hang at height 0, every node has at most `fanout`
children, a node with one more is divided in two, and the tree grows at the root. So all leaves are at one
depth, which grows like log L for any order of labels. Children and parents are kept in arrays on the host;
the classifiers' weights are on the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from drift.core import Floats, Ids, State, Vector
from learners.core import Targets
from learners.extreme.bisection import bisect
from learners.extreme.classifier_rows import DeviceRows, merged
from learners.extreme.hard_negatives import Scored, teach, teach_together
from learners.extreme.tree_level import NOWHERE, Level


class LabelTree:
    """Labels under a tree of classifiers, found by a beam search and grown label by label.

    Parameters
    ----------
    device
        Where all weights are stored.
    rate, node_rate
        Initial step sizes of the labels' and the nodes' classifiers; see `ClassifierRows`.
    fanout
        Most children of a node, at least 3: both parts of an over-full one need two, or depth is not bounded.
    beam
        Nodes expanded at each height, at least 1.
    together
        Whether `route_many` multiplies for many messages in one operation, which a device is faster at.

    Attributes
    ----------
    levels
        Labels first, then their leaves, up to the children of the root, which is not stored.
    places
        The vector for which each label was hung in its leaf. Nodes are divided by these vectors and not by
        the weights of classifiers, which point away from their neighbours and would separate similar labels.

    Examples
    --------
    >>> tree = LabelTree(torch.device("cpu"), rate=4.0, node_rate=16.0, fanout=3, beam=1)
    >>> for number, inputs in enumerate(np.eye(5, dtype=np.float32)):
    ...     label, route = np.array([number]), tree.route(inputs)
    ...     tree.reserve(number + 1, columns=5)
    ...     tree.hang(label, route, inputs)
    ...     tree.lead(route, label, inputs)
    >>> [len(level) for level in tree.levels]
    [5, 2]

    References
    ----------
    Prabhu et al., "Parabel: partitioned label trees for extreme classification", WWW 2018.
    Jasinska-Kobus et al., "Online probabilistic label trees", AISTATS 2021.
    Bayer and McCreight, "Organization and maintenance of large ordered indexes", 1972: the B-tree.
    """

    def __init__(
        self,
        device: torch.device,
        rate: float,
        node_rate: float,
        fanout: int,
        beam: int,
        together: bool = False,
    ) -> None:
        self.device = device
        self.node_rate = node_rate
        self.fanout = fanout
        self.beam = beam
        # Whole lines of memory for each message, so that all are aligned alike.
        self.width = -(-beam * fanout // 16) * 16 if together else None
        self.levels = [Level(device, rate, 0), self._new_level()]
        # Half precision suffices to compare vectors, and halves the memory per label.
        self.places = DeviceRows(device, torch.float16)

    def _new_level(self) -> Level:
        return Level(self.device, self.node_rate, self.fanout)

    def reserve(self, labels: int, columns: int) -> None:
        """Allocate rows for so many labels, and columns for inputs of that length at all heights."""
        self.levels[0].reserve(labels, columns)
        self.levels[1].reserve(1, columns)
        for level in self.levels[2:]:
            level.reserve(len(level), columns)

    def route(self, inputs: Vector) -> list[Scored]:
        """Return what a beam search scores at each height, labels first; costs O(beam fanout log L)."""
        return self.route_many(inputs[None])[0]

    def route_many(self, inputs: Vector) -> list[list[Scored]]:
        """Return what `route` does for each row of inputs; a device is waited for once per height."""
        ids = [np.arange(len(self.levels[-1]))] * len(inputs)
        above = [np.zeros(len(some)) for some in ids]
        routes: list[list[Scored]] = [[] for _ in inputs]
        for level in reversed(self.levels[1:]):
            cosines = level.centroids.cosines_many(ids, inputs[:, 1:], self.width)
            logits = level.rows.products_many(ids, inputs, self.width)
            for number, scored in enumerate(map(Scored, ids, logits, cosines)):
                routes[number].append(scored)
                path = above[number] - np.logaddexp(0.0, -scored.logits)
                ids[number], above[number] = self._below(level, scored.ids, path, scored.cosines)
        logits = self.levels[0].rows.products_many(ids, inputs, self.width)
        for route, scored in zip(routes, map(Scored, ids, logits), strict=True):
            route.append(scored)
        return [route[::-1] for route in routes]

    def _below(self, level: Level, ids: Ids, path: Floats, cosines: Vector) -> tuple[Ids, Floats]:
        """Return the children of the best nodes, ascending, and the log-probabilities of the paths to them.

        Half of the beam takes the most probable nodes, the other half the nearest of the rest.
        """
        if len(ids) > self.beam:
            half = (self.beam + 1) // 2
            likely, rest = np.split(np.argpartition(-path, half), [half])
            near = rest[np.argpartition(-cosines[rest], self.beam - half - 1)]
            best = np.concatenate([likely, near[: self.beam - half]])
            ids, path = ids[best], path[best]
        children = level.children[ids]
        real = children != NOWHERE
        below = children[real]
        order = np.argsort(below)
        return below[order], np.repeat(path, real.sum(axis=1))[order]

    # Growing ----------------------------------------------------------------------------------------

    def hang(self, labels: Ids, route: list[Scored], inputs: Vector) -> None:
        """Hang new labels of one message under the leaf whose centroid is nearest; divide it when over-full.

        Their classifiers should have learned the message: those of a divided node start from their weights.
        """
        leaf = self._nearest_leaf(route)
        while len(labels):
            room = self.fanout + 1 - int(self.levels[1].sizes[leaf])
            some, labels = np.split(labels, [room])
            self._hang(some, leaf, 1)
            self._place(some, leaf, inputs)
            if self.levels[1].overfull(leaf):
                self._divide(leaf, 1)
                leaf = int(self.levels[0].parents[some[-1]])

    def rehang(self, label: int, route: list[Scored], inputs: Vector) -> None:
        """Hang a label elsewhere, if the nearest leaf has room: a tree must not grow without new labels."""
        leaves, old, new = self.levels[1], int(self.levels[0].parents[label]), self._nearest_leaf(route)
        if new == old or leaves.sizes[new] >= self.fanout:
            return
        children = leaves.children_of(old)
        leaves.set_children(old, children[children != label])
        some = np.array([label])
        self._hang(some, new, 1)
        self._place(some, new, inputs)

    def _nearest_leaf(self, route: list[Scored]) -> int:
        leaves = route[1]
        return int(leaves.ids[leaves.cosines.argmax()]) if len(leaves.ids) else 0

    def _place(self, labels: Ids, leaf: int, inputs: Vector) -> None:
        """Store the vector for which labels are hung in a leaf; add it to the centroids from there up.

        Only the vectors with which a label is hung (or hung elsewhere) count, so rare labels weigh as much as
        frequent ones and are not forgotten.
        """
        vector, node = inputs[1:], leaf
        self.places.reserve(len(self.levels[0]), len(vector))
        self.places.put(labels, vector)
        for level in self.levels[1:]:
            level.centroids.add(node, vector, len(labels))
            node = int(level.parents[node])

    def _hang(self, children: Ids, node: int, height: int) -> None:
        self.levels[height].add_children(node, children)
        self.levels[height - 1].parents[children] = node

    def _divide(self, node: int, height: int) -> None:
        level, below = self.levels[height], self.levels[height - 1]
        children = level.children_of(node).copy()
        rows, row = below.rows.take(children), level.rows.take(np.array([node]))[0]
        vectors, counts = self._vectors(children, height - 1)
        first, new = bisect(vectors), len(level)
        level.reserve(new + 1, level.rows.columns)
        for heir, mask in ((node, first), (new, ~first)):
            # Each part starts with the weights of the whole, moved towards its own children's.
            turn = rows[mask].mean(axis=0) - rows.mean(axis=0)
            turn[0] = 0.0
            level.rows.set(heir, row + turn, like=node)
            level.centroids.set(heir, *merged(vectors[mask], counts[mask]))
            level.set_children(heir, np.sort(children[mask]))
            below.parents[children[mask]] = heir
        self._admit(new, int(level.parents[node]), height)

    def _vectors(self, ids: Ids, height: int) -> tuple[Vector, Vector]:
        """Return the centroids of nodes and how many vectors each is of; of labels, the vector of each."""
        if height == 0:
            return self.places.take(ids), np.ones(len(ids), dtype=np.float32)
        centroids = self.levels[height].centroids
        return centroids.take(ids), centroids.counts[ids]

    def _admit(self, new: int, parent: int, height: int) -> None:
        """Hang a new node under the parent of the node it was divided from, or under the root if none."""
        level = self.levels[height]
        if parent == NOWHERE:
            if len(level) <= self.fanout:
                return
            parent = 0
            self._raise(height)
        else:
            self._hang(np.array([new]), parent, height + 1)
        if self.levels[height + 1].overfull(parent):
            self._divide(parent, height + 1)

    def _raise(self, height: int) -> None:
        """Put one node above all nodes of the highest level."""
        level, top = self.levels[height], self._new_level()
        top.reserve(1, level.rows.columns)
        nodes = np.arange(len(level))
        top.set_children(0, nodes)
        top.centroids.set(0, *merged(*self._vectors(nodes, height)))
        level.parents[: len(level)] = 0
        self.levels.append(top)

    # Learning ---------------------------------------------------------------------------------------

    def lead(self, route: list[Scored], positive: Ids, inputs: Vector, complete: bool = True) -> None:
        """Teach the nodes above positive labels (ascending); if complete, the others scored are negatives."""
        for height, scored in enumerate(route[1:], start=1):
            positive = np.unique(self.levels[height - 1].parents[positive])
            teach(self.levels[height].rows, scored if complete else Scored(), positive, inputs)

    def lead_together(
        self, routes: Sequence[list[Scored]], targets: Sequence[Targets], inputs: Vector
    ) -> None:
        """Take the steps of `lead` for many messages as one; inputs have shape (messages, d)."""
        positive = [each.positive for each in targets]
        for height in range(1, len(routes[0])):
            parents = self.levels[height - 1].parents
            positive = [np.unique(parents[some]) for some in positive]
            scored = [
                route[height] if each.complete else Scored()
                for route, each in zip(routes, targets, strict=True)
            ]
            teach_together(self.levels[height].rows, scored, positive, inputs)

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return the state of all heights; see `Learner.state`."""
        levels = {str(height): level.state() for height, level in enumerate(self.levels)}
        return {"levels": levels, "places": self.places.state()}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        del self.levels[2:]
        self.levels += [self._new_level() for _ in range(2, len(state["levels"]))]
        self.places.load_state(state["places"])
        for height, level in enumerate(self.levels):
            level.load_state(state["levels"][str(height)])
        for level, below in zip(self.levels[1:], self.levels, strict=False):
            nodes, at = np.nonzero(level.children != NOWHERE)
            below.parents[level.children[nodes, at]] = nodes
