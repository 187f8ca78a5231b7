"""The multi-label Hoeffding adaptive tree: one tree for all labels, which regrows where the stream drifts."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Parts, State, Values, Vector, check_number, fields
from drift.detectors import ADWIN
from learners.core import MAX_LABELS, Change, LabelSpace, Learner, Prediction, Statistics, Targets
from learners.preprocessing import StandardScaler, shrunk
from learners.tree.gaussians import LabelGaussians
from learners.tree.leaves import Leaf, Proposals
from learners.tree.splits import Split, best_split, shares, surely_better
from learners.tree.subtrees import Alternate, Branch, Subtree

DEPTH = 30
"""Maximum depth: branches on a path."""
LEAF_PRIOR_WEIGHT = 50.0
"""Largest number of messages that the priors of a leaf made by a split count as."""
WEAK = 10.0
"""Number of messages that the inherited priors of a reset leaf count as: few, as they are out of date."""
LATER = 1.25
"""Factor by which a leaf's messages must grow between two attempts to split it."""
HOUSEKEEPING = 256
"""Messages between checks of the memory."""


@dataclasses.dataclass(frozen=True)
class TreeStatistics(Statistics):
    """What `HoeffdingAdaptiveTree.statistics` returns: the common figures, and the shape of the tree.

    Parameters
    ----------
    branches, leaves
        Nodes of either kind, including those of alternates.
    awake
        Leaves that can still split.
    alternates
        Trees that are learned in parallel to a branch and may replace it.
    """

    branches: int
    leaves: int
    awake: int
    alternates: int


class _Scored(NamedTuple):
    """What a prediction was computed from; learning from the message needs it again."""

    labels: int
    inputs: Vector
    branches: list[Branch]
    leaf: Leaf
    proposals: Proposals


class HoeffdingAdaptiveTree(Learner):
    """One decision tree for all labels, learned message by message, that regrows where the stream drifts.

    A leaf splits at the feature and threshold that explain most of the labels' entropy Σ_l H(p_l), once that
    is certain enough (see `learners.tree.splits`). In each leaf the expert with the lowest recent loss
    predicts: the most frequent label-set or a linear model. Every node monitors the loss (1 - Jaccard) of its
    messages with ADWIN. Where it rises, an alternate tree grows beside a branch and replaces it when it is
    significantly better (or, in the end, as good and smaller), while a leaf is reset. Only messages with
    complete labels grow the tree; experts learn from all.

    Parameters
    ----------
    grace
        Messages of a leaf before the first attempt to split it, at least 10. With fewer, splits are found
        sooner at a higher cost; the intervals between later attempts grow.
    delta
        Probability of a wrong split per leaf, in (0, 1]. Small values need more messages.
    tie
        Hoeffding bound below which the best of nearly equal splits is taken, in (0, 1]. If too small, a leaf
        with two equally good features hardly splits.
    max_size
        Memory of statistics and linear models, MiB, above 0. Beyond it the leaves with the lowest loss are
        put to sleep. If too small, all leaves sleep and predict the most frequent label-sets only.
    linear
        Whether leaves have linear models (default True). Without, they predict from the label frequencies of
        the leaf alone: faster, and worse where labels depend on many features at once.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = HoeffdingAdaptiveTree()
    >>> for n in range(2000):
    ...     wind, sun = n % 10, n * 7 % 11
    ...     weather = {"storm": wind > 4, "beach": sun > 5 and wind <= 4}
    ...     learner.learn_one({"wind": wind, "sun": sun}, weather)
    >>> learner.predict_one({"wind": 8.0, "sun": 9.0}), learner.predict_one({"wind": 2.0, "sun": 9.0})
    ({'storm': True, 'beach': False}, {'storm': False, 'beach': True})
    >>> learner.statistics().branches
    2

    References
    ----------
    A. Esteban, A. Cano, A. Zafra and S. Ventura, "Hoeffding adaptive trees for multi-label classification on
    data streams", Knowledge-Based Systems 2024: the criterion, and leaves that choose their classifier.
    A. Bifet and R. Gavaldà, "Adaptive learning from evolving data streams", IDA 2009: the alternates.
    """

    state_fields = fields(Parts("_scaler"), Values("_numbers", "_full"))

    def __init__(
        self,
        grace: int = 200,
        delta: float = 1e-3,
        tie: float = 0.1,
        max_size: float = 128.0,
        linear: bool = True,
        max_labels: int = MAX_LABELS,
    ) -> None:
        check_number(self, "grace", grace, int, 10)
        check_number(self, "delta", delta, float, 0, 1, open_low=True)
        check_number(self, "tie", tie, float, 0, 1, open_low=True)
        check_number(self, "max_size", max_size, float, 0, open_low=True)
        self.grace = grace
        self.delta = delta
        self.tie = tie
        self.max_size = max_size
        self.linear = linear
        super().__init__(max_labels)
        self._scaler = StandardScaler()
        self._numbers = 0
        self._full = False
        self._tree = Subtree(self._leaf(0))

    def score(self, x: Vector) -> Vector:
        """Return the probabilities of the leaf's chosen expert, shape (L,)."""
        return self._compute(self._tree, x, self._inputs(x)).proposals.scores.copy()

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set and the probabilities of the leaf's chosen expert."""
        scored = self._compute(self._tree, x, self._inputs(x))
        labels, scores = scored.proposals.labels.copy(), scored.proposals.scores.copy()
        return Prediction(labels, scores, computed=self._computed(scored))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one message, in its leaf, the branches above it and their alternates."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """See `Learner.learn_predicted`."""
        scored: _Scored | None = self._reusable(prediction)
        if scored is None or scored.labels != len(self.label_space):
            scored = self._compute(self._tree, x, self._inputs(x))
        self._count(x)
        self.changes = ()
        self._teach(self._tree, scored, x, targets)
        if targets.complete:
            self._teach_alternates(scored, x, targets)
        if self.linear:
            self._scaler.learn(x)
        # With a thousand labels a message, one leaf may be larger than the whole tree within a few.
        if self._messages % HOUSEKEEPING == 0 or scored.leaf.nbytes > self.max_size * 2**20:
            self._keep_house()

    def _inputs(self, x: Vector) -> Vector:
        """Return the inputs of linear models."""
        return shrunk(self._scaler.transform(x)) if self.linear else x

    def _compute(self, tree: Subtree, x: Vector, inputs: Vector) -> _Scored:
        branches, leaf = tree.path(x)
        return _Scored(len(self.label_space), inputs, branches, leaf, leaf.propose(inputs))

    # Learning ---------------------------------------------------------------------------------------

    def _teach(self, tree: Subtree, scored: _Scored, x: Vector, targets: Targets) -> None:
        """Let the nodes of one tree learn from a message; its leaf may be split or reset."""
        branches, leaf, proposals = scored.branches, scored.leaf, scored.proposals
        parent = branches[-1] if branches else None
        for branch in branches:
            branch.counts[branch.side(x)] += 1
        if targets.complete:
            # With unknown labels, the loss of a label-set is unknown.
            losses = proposals.losses(targets.positive)
            loss = losses[proposals.chosen]
            for depth, branch in enumerate(branches):
                # Alternates have no alternates: they are compared with their branch instead.
                if _rises(branch.window, loss) and tree is self._tree:
                    self._start_alternate(branch, depth, leaf)
            if _rises(leaf.window, loss):
                fresh = self._leaf_like(leaf, leaf.depth)
                tree.replace(leaf, fresh, parent)
                leaf, proposals = fresh, fresh.propose(scored.inputs)
                losses = proposals.losses(targets.positive)
            leaf.book(losses, proposals.chosen)
        leaf.learn(x, scored.inputs, proposals.linear, targets)
        self._try_to_split(tree, leaf, parent)

    def _teach_alternates(self, scored: _Scored, x: Vector, targets: Targets) -> None:
        parent = None
        for branch in scored.branches:
            alternate = branch.alternate
            if alternate is not None:
                own = self._compute(alternate, x, scored.inputs)
                alternate.compare(*(each.proposals.loss(targets.positive) for each in (scored, own)))
                self._teach(alternate, own, x, targets)
                if self._judge(alternate, branch, parent):
                    # The branches below belong to the replaced one.
                    return
            parent = branch

    def _judge(self, alternate: Alternate, branch: Branch, parent: Branch | None) -> bool:
        """Drop an alternate, or replace its branch by it; return whether it was replaced."""
        if alternate.replaces(branch):
            self._tree.replace(branch, alternate.root, parent)
            mean, bound = alternate.verdict()
            bar = bound if mean > bound else 0.0
            self.changes += (Change("swap", str(branch.number), mean, bar),)
            return True
        if alternate.hopeless():
            branch.alternate = None
        return False

    # Growing ----------------------------------------------------------------------------------------

    def _leaf(self, depth: int) -> Leaf:
        self._numbers += 1
        return Leaf(self._numbers, depth, self.label_space, self.linear)

    def _leaf_like(self, old: Leaf, depth: int) -> Leaf:
        """Return a new leaf with an old one's priors, at a low weight, and nothing else."""
        leaf = self._leaf(depth)
        leaf.inherit(old.rates(), WEAK)
        return leaf

    def _start_alternate(self, branch: Branch, depth: int, leaf: Leaf) -> None:
        if branch.alternate is None and not self._full:
            branch.alternate = Alternate(self._leaf_like(leaf, depth))

    def _try_to_split(self, tree: Subtree, leaf: Leaf, parent: Branch | None) -> None:
        gaussians = leaf.gaussians
        if gaussians is None or self._full or leaf.depth >= DEPTH:
            return
        if gaussians.messages < self.grace * LATER**leaf.looks:
            return
        leaf.looks += 1
        split = best_split(gaussians)
        if split is None or not surely_better(split, gaussians, leaf.looks, self.delta, self.tie):
            return
        tree.replace(leaf, self._grown(leaf, gaussians, split), parent)
        self.changes += (Change("split", str(leaf.number), split.merit, split.merit - split.lead),)

    def _grown(self, leaf: Leaf, gaussians: LabelGaussians, split: Split) -> Branch:
        """Return a branch in place of a leaf, whose own leaves start from the statistics of either side."""
        share, *counts = shares(gaussians, split)
        sides = []
        for part, labels in zip((share, 1.0 - share), counts, strict=True):
            side = self._leaf(leaf.depth + 1)
            messages = max(part * gaussians.messages, 1.0)
            rates = leaf.rates()
            rates[gaussians.labels] = np.minimum(labels / messages, 1.0)
            side.inherit(rates, min(messages, LEAF_PRIOR_WEIGHT))
            side.take_over(leaf)
            sides.append(side)
        return Branch(leaf.number, split.feature, split.threshold, *sides)

    # Memory -----------------------------------------------------------------------------------------

    def _keep_house(self) -> None:
        """Put the leaves with the lowest loss to sleep above the limit; wake the highest below half of it."""
        leaves = [node for node in self._tree.nodes() if isinstance(node, Leaf)]
        size, limit = sum(leaf.nbytes for leaf in leaves), self.max_size * 2**20
        leaves.sort(key=lambda leaf: (leaf.promise, leaf.number))
        for leaf in leaves:
            if size > limit and leaf.awake:
                size -= leaf.nbytes
                leaf.sleep()
        if size < limit / 2:
            asleep = [leaf for leaf in leaves if not leaf.awake]
            if asleep:
                asleep[-1].wake()
        self._full = size > 0.9 * limit

    def statistics(self) -> TreeStatistics:
        """Return a frozen account; see `TreeStatistics`."""
        nodes = list(self._tree.nodes())
        leaves = [node for node in nodes if isinstance(node, Leaf)]
        return TreeStatistics(
            **dataclasses.asdict(super().statistics()),
            branches=len(nodes) - len(leaves),
            leaves=len(leaves),
            awake=sum(leaf.awake for leaf in leaves),
            alternates=sum(isinstance(node, Branch) and node.alternate is not None for node in nodes),
        )

    def share(self, label_space: LabelSpace) -> None:
        """See `Learner.share`."""
        super().share(label_space)
        for node in self._tree.nodes():
            if isinstance(node, Leaf):
                node.share(label_space)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        for node in self._tree.nodes():
            if isinstance(node, Leaf):
                node.forget(labels)

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {"tree": self._tree.state()}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._tree = Subtree.from_state(state["tree"], self.label_space)


def _rises(window: ADWIN, loss: float) -> bool:
    """Add a loss to the window and return whether a rise of the mean was detected."""
    window.update(loss)
    return window.drift_detected and window.statistic > 0.0
