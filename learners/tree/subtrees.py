"""The structure of an adaptive tree: branches, alternates, and independent subtrees."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

import numpy as np

from drift.core import Arrays, Parts, State, Stateful, Values, Vector, fields
from drift.detectors import ADWIN
from learners.core import LabelSpace
from learners.tree.leaves import Histograms, Leaf

ADVANTAGE_DECAY = 0.998
"""Decay per message of an alternate's losses, so that its first, untrained, steps are forgotten."""
VERDICT_ERROR = 0.01
"""Probability of a wrong decision on an alternate."""
TRIAL_MESSAGES = 2000
"""Messages after which an alternate is judged for the last time."""


class Branch(Stateful):
    """An inner node: a test, two children, the loss below it, and perhaps an alternate that may replace it.

    Parameters
    ----------
    number
        Its number in the tree.
    feature, threshold
        Values at most the threshold go left; a missing one goes where most messages went.
    left, right
        The nodes on either side.
    """

    state_fields = fields(
        Values("number", "feature", "threshold", "counts"), Histograms("window"), Parts("alternate")
    )

    def __init__(self, number: int, feature: int, threshold: float, left: Node, right: Node) -> None:
        self.number = number
        self.feature = feature
        self.threshold = threshold
        self.sides: list[Node] = [left, right]
        self.counts = [0, 0]
        self.window = ADWIN()
        self.alternate: Alternate | None = None

    def state(self) -> State:
        """Return the whole state; see `Learner.state`."""
        left, right = map(_state, self.sides)
        return super().state() | {"left": left, "right": right}

    def side(self, x: Vector) -> int:
        """Return 0 for left, 1 for right."""
        value = float(x[self.feature]) if self.feature < len(x) else math.nan
        if math.isnan(value):
            return int(self.counts[1] > self.counts[0])
        return int(value > self.threshold)


Node = Branch | Leaf


class Subtree(Stateful):
    """A tree of its own: a change of one of its nodes affects none outside it.

    Parameters
    ----------
    root
        Its root node, at first a leaf.
    """

    def __init__(self, root: Node) -> None:
        self.root = root

    def path(self, x: Vector) -> tuple[list[Branch], Leaf]:
        """Return the branches on a vector's path, from the root, and the leaf that it reaches."""
        branches, node = [], self.root
        while isinstance(node, Branch):
            branches.append(node)
            node = node.sides[node.side(x)]
        return branches, node

    def replace(self, old: Node, new: Node, parent: Branch | None) -> None:
        """Put a node in another's place; the parent is None for the root."""
        if parent is None:
            self.root = new
        else:
            parent.sides[parent.sides.index(old)] = new

    @property
    def size(self) -> int:
        """Nodes of the tree, without those of alternates."""
        count, waiting = 0, [self.root]
        while waiting:
            node = waiting.pop()
            count += 1
            waiting += node.sides if isinstance(node, Branch) else []
        return count

    def nodes(self) -> Iterator[Node]:
        """Yield all nodes in a fixed order, including those of alternates."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, Branch):
                waiting += [*reversed(node.sides), *([node.alternate.root] if node.alternate else [])]

    def state(self) -> State:
        """Return the whole state; see `Learner.state`."""
        return super().state() | {"root": _state(self.root)}

    @classmethod
    def from_state(cls, state: State, label_space: LabelSpace) -> Self:
        """Return the subtree of a state."""
        made = cls(_node(state["root"], label_space))
        made.load_state(state)
        return made


class Alternate(Subtree):
    """A tree that is learned in parallel to a branch, and replaces it once it is significantly better."""

    state_fields = fields(Values("messages"), Arrays("account"))

    def __init__(self, root: Node) -> None:
        super().__init__(root)
        self.messages = 0
        # Decayed weight, sum and sum of squares of (the branch's loss - its own).
        self.account = np.zeros(3)

    def compare(self, loss: float, own: float) -> None:
        """Add the losses of the branch and of this tree on one message."""
        advantage = loss - own
        self.messages += 1
        self.account *= ADVANTAGE_DECAY
        self.account += (1.0, advantage, advantage * advantage)

    def verdict(self) -> tuple[float, float]:
        """Return its mean advantage, in [-1, 1], and the error bound of that (empirical Bernstein)."""
        weight, total, squares = self.account.tolist()
        mean = total / weight
        nats = math.log(3.0 / VERDICT_ERROR)
        variance = max(squares / weight - mean * mean, 0.0)
        return mean, math.sqrt(2.0 * variance * nats / weight) + 6.0 * nats / weight

    def replaces(self, branch: Branch) -> bool:
        """Return whether it is significantly better than its branch or, in the end, no worse and smaller."""
        mean, bound = self.verdict()
        last = self.messages >= TRIAL_MESSAGES
        return mean > bound or (last and mean >= 0.0 and self.size < Subtree(branch).size)

    def hopeless(self) -> bool:
        """Return whether it is significantly worse, or at the end of its trial."""
        mean, bound = self.verdict()
        return mean < -bound or self.messages >= TRIAL_MESSAGES


def _state(node: Node) -> State:
    return {"leaf": node.state()} if isinstance(node, Leaf) else node.state()


def _node(state: State, label_space: LabelSpace) -> Node:
    if "leaf" in state:
        return Leaf.from_state(state["leaf"], label_space)
    left, right = (_node(state[side], label_space) for side in ("left", "right"))
    branch = Branch(state["number"], state["feature"], state["threshold"], left, right)
    branch.load_state(state)
    if state["alternate"] is not None:
        branch.alternate = Alternate.from_state(state["alternate"], label_space)
    return branch
