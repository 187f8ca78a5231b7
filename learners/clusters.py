"""Label clusters: an online divisive-agglomerative tree over labels, after iHOMER and ODAC.

The leaves of the tree are the clusters; every label is in exactly one. A cluster is divided where average
linkage shows two sides that are surely less alike than the labels of either side are among themselves (or
with labels elsewhere), absorbed by another that it is surely about as much alike, and a label moves where it
surely fits better. Labels that are like nothing stay where they are: there is nothing to be sure of.

"Surely" is by Chernoff's bound on the messages that carried those labels, against one budget of wrong
decisions that all looks at all clusters share for ever, and all that a look chooses from: so on a stream that
does not change, changes end, and a real regrouping costs the logarithm of that more evidence. Only clusters
whose labels occur are looked at again, one a message at the most, and ever more rarely while nothing changes.
"""

from __future__ import annotations

import bisect
import heapq
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.base import Change, State
from learners.cooccurrence import Cooccurrence
from learners.growth import grown
from learners.labels import Ids
from learners.linkage import Matrix, comparison, difference, division
from learners.parameters import check_number
from learners.surroundings import companions_outside, surroundings, visit

HYSTERESIS = 1.5
"""How much more alike than what divides them two clusters must be to come together: no flapping."""
BETTER = 1.25
"""How many times better a label must fit elsewhere to move."""
LONGEST = 16
"""Most times `patience` that a cluster waits for its next look: each that changes nothing doubles it."""
ALIKE = 0.01
"""Least similarity, times `HYSTERESIS`, of single labels that come together: they have no cohesion."""


class Clusters:
    """A partition of a growing label space into clusters of labels that occur together.

    Similarity is the Jaccard index beyond chance (see `Cooccurrence.among`), between groups its mean
    over pairs, weighted by the rarer label's count. What counts as alike is relative: labels of a group
    that share one message in twenty belong together as surely as labels that share every second one, when
    they share none with others.

    Parameters
    ----------
    linkage
        Share of the similarity within that the similarity between must reach for labels to stay in one
        cluster, in (0, 1). Low values give few, large clusters; above 0.5 noise takes groups apart.
    delta
        Wrong decisions accepted in all the time there is, about, in (0, 1). Small values wait longer.
    patience
        Messages that must touch a cluster before the first look at it, at least 1: also the least time a
        change stands. Each look that changes nothing doubles it, up to 16 times; a label whose companions
        change sets it back. Small values cost time.
    largest
        Most labels in a cluster, at least 2: bounds the cost of a look, which grows with its third power.
    half_life
        Touches of a label after which what it met counts half; see `Cooccurrence`.

    Examples
    --------
    >>> clusters = Clusters()
    >>> for n in range(4000):
    ...     changes = clusters.learn([0, 1] if n % 2 else [2, 3], 4)
    >>> sorted(clusters.members(cluster) for cluster in clusters.leaves())
    [[0, 1], [2, 3]]

    References
    ----------
    "Online hierarchical partitioning of the output space in extreme multi-label data streams", ECAI 2025.
    Rodrigues, Gama and Pedroso, "Hierarchical clustering of time-series data streams" (ODAC), TKDE 2008.
    """

    def __init__(
        self,
        linkage: float = 0.33,
        delta: float = 1e-2,
        patience: int = 50,
        largest: int = 64,
        half_life: float = 1000.0,
    ) -> None:
        check_number(self, "linkage", linkage, float, 0, 1, open_low=True)
        check_number(self, "delta", delta, float, 0, 1, open_low=True)
        check_number(self, "patience", patience, int, 1)
        check_number(self, "largest", largest, int, 2)
        self.linkage = linkage
        self.delta = delta
        self.patience = patience
        self.largest = largest
        self.counts = Cooccurrence(half_life)
        self._owner: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._labels = 0
        self._members: dict[int, list[int]] = {0: []}
        self._parent: dict[int, int] = {}
        self._children: dict[int, tuple[int, int]] = {}
        self._sizes: NDArray[np.int64] = np.zeros(16, dtype=np.int64)
        self._visits: NDArray[np.int64] = np.zeros((16, 3), dtype=np.int64)
        self._visits[0, 2] = patience
        self._looks = 0
        self._scratch: Matrix = np.zeros((2, 16))
        self._open = 0
        self._next = 1
        self._free: list[int] = []

    # Looking ----------------------------------------------------------------------------------------

    def owners(self) -> Ids:
        """Return the cluster of every label, shape (L,)."""
        return self._owner[: self._labels]

    def leaves(self) -> list[int]:
        """Return the ids of all clusters, ascending."""
        return sorted(self._members)

    def members(self, cluster: int) -> list[int]:
        """Return the labels of a cluster, ascending."""
        return list(self._members[cluster])

    def tree(self, node: int | None = None) -> Any:
        """Return the label hierarchy under a node (default: the root) as nested pairs of cluster ids."""
        node = self._root() if node is None else node
        return tuple(self.tree(child) for child in self._children[node]) if node in self._children else node

    def splits(self) -> list[tuple[int, int, int]]:
        """Return the tree as its inner nodes, each with its two children, in order of id."""
        return [(node, *self._children[node]) for node in sorted(self._children)]

    # Learning ---------------------------------------------------------------------------------------

    def learn(self, labels: list[int] | Ids, size: int) -> tuple[Change, ...]:
        """Count one message's labels (ids, each once) in a space of `size` labels; return what changed."""
        ids = np.asarray(labels, dtype=np.intp)
        if size > self._labels:
            self._admit(size, ids.tolist())
        table = self.counts.tables[0]
        due = visit(table, self.owners(), self._visits, self.counts.messages + 1, ids, self.patience)
        self.counts.add(ids)
        return () if due < 0 else self._look(due)

    def _admit(self, size: int, companions: list[int]) -> None:
        """Give every label that is new a cluster: a companion's where there is room."""
        if max(companions, default=0) >= size:
            raise IndexError("a label's id must be below the size of the label space; give both")
        first, self._labels = self._labels, size
        self._owner = grown(self._owner, size)
        self.counts.reserve(size)
        near = [int(self._owner[label]) for label in companions if label < first]
        came = [label for label in companions if label >= first]
        for label in came:
            roomy = next(filter(self._has_room, near), None)
            self._put(label, self._open_cluster() if roomy is None else roomy)
        rest = np.setdiff1d(np.arange(first, size), came).tolist()
        while rest:
            cluster = self._open_cluster()
            room = self.largest - len(self._members[cluster])
            self._members[cluster] = sorted(self._members[cluster] + rest[:room])
            self._owner[rest[:room]] = cluster
            self._sizes[cluster] = len(self._members[cluster])
            rest = rest[room:]

    def _open_cluster(self) -> int:
        """Return the cluster for labels of which nothing is known."""
        if self._open not in self._members or not self._has_room(self._open):
            self._open = self._add_leaf(self._shallow_leaf())
        return self._open

    def _shallow_leaf(self) -> int:
        # Turns by the bits of a number that grows: new leaves spread over the tree, which stays shallow.
        node, turns = self._root(), self._next // 2
        while node in self._children:
            node, turns = self._children[node][turns % 2], turns // 2
        return node

    def _has_room(self, cluster: int) -> bool:
        return len(self._members[cluster]) < self.largest

    def _look(self, cluster: int) -> tuple[Change, ...]:
        """Divide, absorb or move labels: the first that the counts are sure of."""
        self._looks += 1
        self._visits[cluster, 0] = 0
        self._visits[cluster, 2] = min(2 * self._visits[cluster, 2], LONGEST * self.patience)
        labels = np.array(self._members[cluster], dtype=np.intp)
        known = self._known(labels)
        split = self._try_split(cluster, labels, known)
        if split:
            return split
        nearest, best, there = surroundings(
            *self.counts.tables, labels, self._owner, self._sizes, self.largest, self._scratch
        )
        merge = self._try_absorb(cluster, labels, nearest)
        return merge or self._try_moves(cluster, labels, known, best, there)

    def _least(self, choices: float = 1.0) -> float:
        """Return the evidence that a decision needs: a budget that all looks and choices, ever, share."""
        # 1 / n^2 adds up to less than 2: wrong decisions are bounded over all time, not for each look.
        return math.log(choices / self.delta) + 2.0 * math.log(self._looks)

    def _known(self, labels: Ids) -> tuple[Matrix, Matrix, Matrix]:
        """Return the similarities among some labels, their counts and their frequencies."""
        return self.counts.among(labels), self.counts.samples(labels), self.counts.frequencies(labels)

    def _outside(self, labels: Ids, other: int) -> Matrix:
        return companions_outside(*self.counts.tables, labels, self._owner, other)

    def _try_split(
        self, cluster: int, labels: Ids, known: tuple[Matrix, Matrix, Matrix]
    ) -> tuple[Change, ...]:
        if len(labels) < 2:
            return ()
        outside = self._outside(labels, cluster)
        part, why = division(*known, outside, self.linkage, self._least())
        for number in range(1, len(why)):
            self._split(cluster, labels[part == number].tolist())
        return tuple(Change("split", str(cluster), *compared) for compared in why[1:].tolist())

    def _try_absorb(self, cluster: int, labels: Ids, other: int) -> tuple[Change, ...]:
        if other < 0:
            return ()
        both = np.concatenate([labels, np.array(self._members[other], dtype=np.intp)])
        outside = np.concatenate([self._outside(labels, other), self._outside(both[len(labels) :], cluster)])
        known = self._known(both)
        between, asked, _, more = comparison(
            *known,
            outside,
            np.arange(len(labels)),
            np.arange(len(labels), len(both)),
            HYSTERESIS * self.linkage,
            HYSTERESIS * ALIKE,
        )
        if more < self._least(len(self._members)):
            return ()
        self._absorb(cluster, other)
        return (Change("merge", str(cluster), between, asked),)

    def _try_moves(
        self, cluster: int, labels: Ids, known: tuple[Matrix, Matrix, Matrix], best: Ids, there: Matrix
    ) -> tuple[Change, ...]:
        """Move the labels that are surely more alike to another cluster than to their own."""
        alike, counts, frequency = known
        home, chance, changes = alike.sum(axis=1) / len(labels), frequency / (2.0 - frequency), []
        least = self._least(len(labels) * len(self._members))
        for n in np.flatnonzero(there > np.maximum(BETTER * home, HYSTERESIS * ALIKE)).tolist():
            sure = difference(counts[n], there[n], chance[n], counts[n], home[n], chance[n], 1.0)
            other = int(best[n])
            if sure >= least and self._has_room(other):
                self._move(int(labels[n]), cluster, other)
                changes.append(Change("move", str(labels[n]), float(there[n]), BETTER * float(home[n])))
        if not self._members[cluster]:
            self._remove(cluster)
        return tuple(changes)

    # The tree ---------------------------------------------------------------------------------------

    def _put(self, label: int, cluster: int) -> None:
        self._owner[label] = cluster
        bisect.insort(self._members[cluster], label)
        self._sizes[cluster] += 1

    def _move(self, label: int, cluster: int, other: int) -> None:
        self._members[cluster].remove(label)
        self._sizes[cluster] -= 1
        self._put(label, other)
        for changed in (cluster, other):
            self._visits[changed, 0], self._visits[changed, 2] = 0, self.patience

    def _split(self, cluster: int, leaving: list[int]) -> None:
        """Take some labels of a leaf to a new one beside it."""
        new = self._add_leaf(cluster)
        for label in leaving:
            self._move(label, cluster, new)

    def _add_leaf(self, sibling: int) -> int:
        """Hang a new, empty leaf beside another, under a new inner node."""
        inner, leaf = self._new_id(), self._new_id()
        self._replace(sibling, inner)
        self._children[inner] = (sibling, leaf)
        self._parent[sibling] = self._parent[leaf] = inner
        self._members[leaf] = []
        self._sizes[leaf] = self._visits[leaf, 0] = 0
        self._visits[leaf, 2] = self.patience
        return leaf

    def _new_id(self) -> int:
        # Ids of what is gone come again, so that whoever keeps a row per id stays small.
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        self._sizes = grown(self._sizes, self._next)
        self._visits = grown(self._visits, self._next)
        self._scratch = grown(self._scratch, 2, self._next)
        return self._next - 1

    def _absorb(self, cluster: int, into: int) -> None:
        for label in self.members(cluster):
            self._move(label, cluster, into)
        self._remove(cluster)

    def _remove(self, cluster: int) -> None:
        """Take an empty leaf off the tree."""
        del self._members[cluster]
        inner = self._parent.pop(cluster)
        sibling = next(child for child in self._children.pop(inner) if child != cluster)
        self._replace(inner, sibling)
        heapq.heappush(self._free, cluster)
        heapq.heappush(self._free, inner)

    def _replace(self, node: int, by: int) -> None:
        """Put a node where another hangs."""
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

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return counts and tree; see `Learner.state`."""
        return {
            "counts": self.counts.state(),
            "owner": self.owners().copy(),
            "leaves": np.array([(leaf, *self._visits[leaf, ::2]) for leaf in self._members], dtype=np.intp),
            "inner": np.array(
                [(node, *pair) for node, pair in self._children.items()], dtype=np.intp
            ).reshape(-1, 3),
            "open": self._open,
            "next": self._next,
            "looks": self._looks,
            "free": sorted(self._free),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.counts.load_state(state["counts"])
        self._owner = np.array(state["owner"], dtype=np.intp)
        self._labels = len(self._owner)
        self._next = state["next"]
        self._sizes, self._scratch = np.zeros(self._next, dtype=np.int64), np.zeros((2, self._next))
        self._visits = np.zeros((self._next, 3), dtype=np.int64)
        self._members = {}
        for leaf, visits, wait in state["leaves"].tolist():
            self._members[leaf], self._visits[leaf, ::2] = [], (visits, wait)
        for label, leaf in enumerate(self._owner.tolist()):
            self._members[leaf].append(label)
            self._sizes[leaf] += 1
        self._children = {node: (first, second) for node, first, second in state["inner"].tolist()}
        self._parent = {child: node for node, pair in self._children.items() for child in pair}
        self._open = state["open"]
        self._looks = state["looks"]
        self._free = list(state["free"])
