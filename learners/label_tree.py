"""A tree of classifiers and centroids that leads from a vector to the few labels worth scoring.

The tree is a B+-tree whose keys are classifiers: labels hang at height 0, every node has at most `fanout`
children, a node that gets one more is divided in two, and the tree grows at the root. So all leaves are
at one depth, which grows like log L, whatever order labels come in. Who hangs where is kept in arrays of
the host; the classifiers' weights are on the device.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from learners.base import State, Vector
from learners.classifier_rows import Centroids, ClassifierRows
from learners.growth import grown
from learners.labels import Ids
from learners.linear import sigmoid

NOWHERE = -1
TOLERANCE = 0.01
"""Errors below it are not learned from: what is left are the positives and the hard negatives."""
ROUNDS = 6
"""Rounds of the balanced 2-means that divides a node."""


class Scored(NamedTuple):
    """Ids of one height, ascending, and the logits that their classifiers gave. Both of shape (n,).

    Of nodes also the cosines of the vector's angles to their centroids.
    """

    ids: Ids
    logits: Vector
    cosines: Vector = np.zeros(0, dtype=np.float32)

    def find(self, wanted: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        """Return where ids of shape (k,) stand in `ids`, and which of them do."""
        places = np.searchsorted(self.ids, wanted)
        places[places == len(self.ids)] = 0
        found = self.ids[places] == wanted if len(self.ids) else np.zeros(len(wanted), dtype=np.bool_)
        return places, found


class Level:
    """All nodes of one height: classifiers, children and parents. At height 0 the nodes are labels."""

    def __init__(self, rows: ClassifierRows, fanout: int) -> None:
        self.rows = rows
        self.centroids = Centroids(rows.device)
        # One place more than may be used: a node is over-full for a moment before it is divided.
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
        if self.children.shape[1] > 1:
            # Without the intercept.
            self.centroids.reserve(nodes, columns - 1)
            self.children = grown(self.children, nodes, fill=NOWHERE)
            self.sizes = grown(self.sizes, nodes)

    def set_children(self, node: int, children: Ids) -> None:
        """Give a node other children."""
        self.children[node] = NOWHERE
        self.children[node, : len(children)] = children
        self.sizes[node] = len(children)


class LabelTree:
    """Labels under a tree of classifiers, found by a beam search and grown label by label.

    Parameters
    ----------
    device
        Where all weights live.
    rate, node_rate
        Steps of the labels' and the nodes' classifiers; see `ClassifierRows`.
    fanout
        Most children of a node, at least 3: half of one too many must be two, or depth is not bounded.
    beam
        Nodes of each height that are looked under, at least 1.

    Attributes
    ----------
    levels
        Labels first, then their leaves, up to the children of the root, which is not stored.

    Examples
    --------
    >>> tree = LabelTree(torch.device("cpu"), rate=4.0, node_rate=16.0, fanout=3, beam=1)
    >>> for label, inputs in enumerate(np.eye(5, dtype=np.float32)):
    ...     route = tree.route(inputs)
    ...     tree.reserve(label + 1, columns=5)
    ...     tree.hang(label, route, inputs)
    ...     tree.learn(route, np.array([label]), inputs)
    >>> [len(level) for level in tree.levels]
    [5, 2]

    References
    ----------
    Prabhu et al., "Parabel: partitioned label trees for extreme classification", WWW 2018.
    Jasinska-Kobus et al., "Online probabilistic label trees", AISTATS 2021.
    Bayer and McCreight, "Organization and maintenance of large ordered indexes", 1972: the B-tree.
    """

    def __init__(self, device: torch.device, rate: float, node_rate: float, fanout: int, beam: int) -> None:
        self.device = device
        self.node_rate = node_rate
        self.fanout = fanout
        self.beam = beam
        self.levels = [Level(ClassifierRows(device, rate), 0), self._new_level()]

    def _new_level(self) -> Level:
        return Level(ClassifierRows(self.device, self.node_rate), self.fanout)

    def reserve(self, labels: int, columns: int) -> None:
        """Have rows for so many labels, and columns for inputs of that length everywhere."""
        self.levels[0].reserve(labels, columns)
        self.levels[1].reserve(1, columns)
        for level in self.levels[2:]:
            level.reserve(len(level), columns)

    def route(self, inputs: Vector) -> list[Scored]:
        """Return what a beam search scores at each height, labels first; costs O(beam fanout log L)."""
        ids = np.arange(len(self.levels[-1]))
        above = np.zeros(len(ids))
        route = []
        for level in reversed(self.levels[1:]):
            cosines = level.centroids.cosines(ids, inputs[1:])
            route.append(Scored(ids, level.rows.products(ids, inputs), cosines))
            path = above - np.logaddexp(0.0, -route[-1].logits)
            ids, above = self._below(level, ids, path, cosines)
        route.append(Scored(ids, self.levels[0].rows.products(ids, inputs)))
        return route[::-1]

    def _below(
        self, level: Level, ids: Ids, path: NDArray[np.float64], cosines: Vector
    ) -> tuple[Ids, NDArray[np.float64]]:
        """Return the children of the best nodes, ascending, and the log-probabilities of the paths there.

        Half of the beam goes to the likeliest nodes, the other half to the nearest of the rest.
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

    def hang(self, label: int, route: list[Scored], inputs: Vector) -> None:
        """Hang a label under the leaf whose centroid is nearest to its vector; divide what is over-full."""
        leaf = self._nearest_leaf(route)
        self._hang(label, leaf, 1)
        self._pull(leaf, inputs)
        self._divide(leaf, 1)

    def rehang(self, label: int, route: list[Scored], inputs: Vector) -> None:
        """Hang a label elsewhere, if the nearest leaf has room: a tree must not grow without new labels."""
        leaves, old, new = self.levels[1], int(self.levels[0].parents[label]), self._nearest_leaf(route)
        if new == old or leaves.sizes[new] >= self.fanout:
            return
        children = leaves.children[old, : leaves.sizes[old]]
        leaves.set_children(old, children[children != label])
        self._hang(label, new, 1)
        self._pull(new, inputs)

    def _nearest_leaf(self, route: list[Scored]) -> int:
        leaves = route[1]
        return int(leaves.ids[leaves.cosines.argmax()]) if len(leaves.ids) else 0

    def _pull(self, node: int, inputs: Vector) -> None:
        """Let a vector count in the centroids of a leaf and of what is above it.

        Only a label's first vector counts, and the one it is hung elsewhere for: labels seen once weigh no
        less than those seen all the time, and nothing of them is forgotten.
        """
        for level in self.levels[1:]:
            level.centroids.add(node, inputs[1:])
            node = int(level.parents[node])

    def _hang(self, child: int, node: int, height: int) -> None:
        level = self.levels[height]
        level.children[node, level.sizes[node]] = child
        level.sizes[node] += 1
        self.levels[height - 1].parents[child] = node

    def _divide(self, node: int, height: int) -> None:
        level, below = self.levels[height], self.levels[height - 1]
        if level.sizes[node] <= self.fanout:
            return
        children = level.children[node].copy()
        rows, row = below.rows.take(children), level.rows.take(np.array([node]))[0]
        first, new = halves(rows[:, 1:]), len(level)
        level.reserve(new + 1, level.rows.columns)
        for heir, mask in ((node, first), (new, ~first)):
            # Each half starts as the whole did, turned towards its own children.
            turn = rows[mask].mean(axis=0) - rows.mean(axis=0)
            turn[0] = 0.0
            level.centroids.put(heir, *self._centroid(height - 1, children[mask], rows[mask]))
            level.rows.put(heir, row + turn, like=node)
            level.set_children(heir, np.sort(children[mask]))
            below.parents[children[mask]] = heir
        self._admit(new, int(level.parents[node]), height)

    def _centroid(self, height: int, nodes: Ids, rows: Vector) -> tuple[Vector, float]:
        """Return the mean of what hangs in some nodes, and of how much it is; a label's row points to it."""
        if height == 0:
            return _directions(rows[:, 1:]).mean(axis=0), len(nodes)
        below = self.levels[height].centroids
        counts = below.counts[nodes]
        return (counts @ below.take(nodes)) / counts.sum(), float(counts.sum())

    def _admit(self, new: int, parent: int, height: int) -> None:
        """Hang a new node under its twin's parent; under the root where there is none."""
        level = self.levels[height]
        if parent != NOWHERE:
            self._hang(new, parent, height + 1)
        elif len(level) > self.fanout:
            parent = 0
            top = self._new_level()
            top.reserve(1, level.rows.columns)
            nodes = np.arange(len(level))
            top.set_children(0, nodes)
            top.centroids.put(0, *self._centroid(height, nodes, level.rows.take(nodes)))
            level.parents[: len(level)] = 0
            self.levels.append(top)
        else:
            return
        self._divide(parent, height + 1)

    # Learning ---------------------------------------------------------------------------------------

    def learn(self, route: list[Scored], positive: Ids, inputs: Vector) -> None:
        """Teach each height of a route: what leads to positive labels (ascending) says yes, the rest no."""
        for level, scored in zip(self.levels, route, strict=False):
            teach(level.rows, scored, positive, inputs)
            positive = np.unique(level.parents[positive])

    def lead(self, route: list[Scored], positive: Ids, inputs: Vector) -> None:
        """Teach the nodes above positive labels to say yes, and no node to say no."""
        nothing = Scored(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))
        for level, below in zip(self.levels[1 : len(route)], self.levels, strict=False):
            positive = np.unique(below.parents[positive])
            teach(level.rows, nothing, positive, inputs)

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return weights and children; see `Learner.state`."""
        return {
            str(height): level.rows.state()
            | {"children": level.children[: len(level)], "centroids": level.centroids.state()}
            for height, level in enumerate(self.levels)
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        del self.levels[2:]
        self.levels += [self._new_level() for _ in range(2, len(state))]
        for height, level in enumerate(self.levels):
            level.rows.load_state(state[str(height)])
            level.parents = np.full(len(level), NOWHERE, dtype=np.intp)
            if height:
                level.centroids.load_state(state[str(height)]["centroids"])
                level.children = np.array(state[str(height)]["children"], dtype=np.intp)
                level.sizes = (level.children != NOWHERE).sum(axis=1)
                nodes, places = np.nonzero(level.children != NOWHERE)
                self.levels[height - 1].parents[level.children[nodes, places]] = nodes


def teach(rows: ClassifierRows, scored: Scored, positive: Ids, inputs: Vector) -> None:
    """Take a step of the logistic loss: positives (ascending) say yes, all else that was scored says no.

    Positives are taught also where they were not scored; of the negatives only the hard ones are, those
    whose error is above `TOLERANCE`.
    """
    places, found = scored.find(positive)
    missed = positive[~found]
    ids, errors = scored.ids, sigmoid(scored.logits)
    errors[places[found]] -= 1.0
    if len(missed):
        ids = np.concatenate([ids, missed])
        errors = np.concatenate([errors, sigmoid(rows.products(missed, inputs)) - np.float32(1.0)])
    wrong = np.flatnonzero(np.abs(errors) > TOLERANCE)
    if len(wrong):
        rows.step(ids[wrong], errors[wrong], inputs)


def halves(rows: Vector) -> NDArray[np.bool_]:
    """Divide rows of shape (n, d) into two halves by balanced 2-means of their directions; a mask of one.

    Examples
    --------
    >>> halves(np.array([[1, 0], [0, 1], [2, 0.1], [0.1, 3]], dtype=np.float32)).tolist()
    [True, False, True, False]
    """
    directions = _directions(rows)
    first = _farthest(directions, directions.mean(axis=0))
    second = _farthest(directions, first)
    mask = np.zeros(len(rows), dtype=np.bool_)
    for _ in range(ROUNDS):
        order = np.argsort(directions @ (first - second), kind="stable")
        mask[:] = False
        mask[order[len(rows) // 2 :]] = True
        first, second = directions[mask].mean(axis=0), directions[~mask].mean(axis=0)
    return mask


def _directions(rows: Vector) -> Vector:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    directions: Vector = rows / np.maximum(lengths, np.float32(1e-12))[:, None]
    return directions


def _farthest(rows: Vector, point: Vector) -> Vector:
    apart = rows - point
    farthest: Vector = rows[int(np.einsum("ij,ij->i", apart, apart).argmax())]
    return farthest
