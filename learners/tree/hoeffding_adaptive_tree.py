"""The multi-label Hoeffding adaptive tree: one tree for all labels, which regrows where the stream drifts."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from drift.core import Parts, State, Values, Vector, fields
from drift.detectors import ADWIN
from learners.core import Change, LabelSpace, Learner, Prediction, Statistics, Targets, check_number
from learners.preprocessing import StandardScaler, shrunk
from learners.tree.gaussians import LabelGaussians
from learners.tree.leaves import Leaf, Proposals
from learners.tree.splits import Split, best_split, shares, surely_better
from learners.tree.subtrees import Alternate, Branch, Subtree

DEPTH = 30
"""Most branches on a path."""
LEAF_PRIOR_WEIGHT = 50.0
"""Most messages that the priors of a new leaf count for."""
WEAK = 10.0
"""Messages that the priors of a leaf count for that starts anew."""
LATER = 1.25
"""A leaf that was looked at in vain is looked at again when it has had this many times the messages."""
HOUSEKEEPING = 256
"""Messages between looks at the memory."""


@dataclasses.dataclass(frozen=True)
class TreeStatistics(Statistics):
    """What `HoeffdingAdaptiveTree.statistics` returns: the common figures, and the shape of the tree.

    Parameters
    ----------
    branches, leaves
        Nodes of either kind, alternates' among them.
    awake
        Leaves that can still split.
    alternates
        Trees that learn beside a branch.
    """

    branches: int
    leaves: int
    awake: int
    alternates: int


class _Scored(NamedTuple):
    """What was computed to predict one message: learning from it needs the same again."""

    labels: int
    inputs: Vector
    branches: list[Branch]
    leaf: Leaf
    proposals: Proposals


class HoeffdingAdaptiveTree(Learner):
    """One decision tree for all labels, learned message by message, that regrows where the stream drifts.

    A leaf splits at the feature and threshold that explain most of the labels' entropy Σ_l H(p_l), once that
    is sure (see `learners.tree.splits`). In each leaf the expert that lost least lately predicts: the
    commonest label-set or a linear model. Every node watches the loss (1 - Jaccard) of its messages with
    ADWIN. Where it rises, an alternate tree grows beside a branch and replaces it when it is surely better
    (or, in the end, as good and smaller), while a leaf starts anew. Only messages with complete labels grow
    the tree; experts learn from all.

    Parameters
    ----------
    grace
        Messages of a leaf before it is first looked at for a split, at least 10. Fewer finds splits sooner
        and costs time; later looks are spaced ever wider.
    delta
        Chance of a wrong split per leaf, in (0, 1]. Small values need more messages.
    tie
        Bound below which the best of nearly equal splits is taken, in (0, 1]. Too small and a leaf with
        two equally good features hardly splits.
    max_size
        Memory of statistics and linear experts, MiB, above 0. Beyond it the leaves with the least loss to
        win are put to sleep. Too small and all leaves sleep: only commonest label-sets are left.
    linear
        Whether leaves have linear models (default True). Without, they predict from the labels that came to
        them alone: quicker, and worse where labels follow from many features at once.

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
        super().__init__()
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
        """Learn from one message: its leaf, the branches above it and their alternates."""
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
        if self._messages % HOUSEKEEPING == 0:
            self._keep_house()

    def _inputs(self, x: Vector) -> Vector:
        """Return what linear models see."""
        return shrunk(self._scaler.transform(x)) if self.linear else x

    def _compute(self, tree: Subtree, x: Vector, inputs: Vector) -> _Scored:
        branches, leaf = tree.path(x)
        return _Scored(len(self.label_space), inputs, branches, leaf, leaf.propose(inputs))

    # Learning ---------------------------------------------------------------------------------------

    def _teach(self, tree: Subtree, scored: _Scored, x: Vector, targets: Targets) -> None:
        """Let the nodes of one tree learn from a message; its leaf may split or be replaced by it."""
        branches, leaf, proposals = scored.branches, scored.leaf, scored.proposals
        parent = branches[-1] if branches else None
        for branch in branches:
            branch.counts[branch.side(x)] += 1
        if targets.complete:
            # Sets of unknown labels are neither right nor wrong.
            losses = proposals.losses(targets.positive)
            loss = losses[proposals.chosen]
            for depth, branch in enumerate(branches):
                # Alternates have no alternates: whether they are any good, their branch's verdict says.
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
                    # What lay below is gone.
                    return
            parent = branch

    def _judge(self, alternate: Alternate, branch: Branch, parent: Branch | None) -> bool:
        """Give up an alternate or put it in its branch's place; return whether it took it."""
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
        """Return a fresh leaf that has nothing of an old one but a weak belief in its priors."""
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
        """Return a branch in place of a leaf, with what is known of either side in its leaves."""
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
        """Put the poorest leaves to sleep while there is too much, wake the best while there is room."""
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

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {"tree": self._tree.state()}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._tree = Subtree.from_state(state["tree"], self.label_space)


def _rises(window: ADWIN, loss: float) -> bool:
    """Take in a loss and return whether it made sure that their mean has risen."""
    window.update(loss)
    return window.drift_detected and window.statistic > 0.0
