"""A leaf of a multi-label tree: the statistics of its messages, and the experts that predict for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Floats, Ids, Parts, State, Stateful, Values, Vector, fields
from drift.detectors import ADWIN
from learners.core import LabelSpace, Learners, Targets, in_both
from learners.dummy import LabelPriors, MajorityLabelset
from learners.linear_model import AdaptiveLogisticRegression
from learners.tree.gaussians import LabelGaussians

MAJORITY, LINEAR, LINEAR_TOP = 0, 1, 2
"""Experts: the most frequent label-set; the linear model's labels; the same, but at least the top one."""
LOSS_DECAY = 0.99
"""Decay per message of the experts' losses."""
LEAST_TOP_SCORE = 0.2
"""Lowest probability at which the most probable label is predicted although it is below 0.5."""
COUNTED_LABELSETS = 100
"""Label-sets counted to find the most frequent one."""


class Proposals(NamedTuple):
    """What a leaf predicts for one vector.

    Parameters
    ----------
    scores
        Probabilities by the chosen expert, shape (L,).
    linear
        Those of the linear expert; None while the leaf sleeps.
    sets
        The label-set of each active expert.
    chosen
        Index of the one with the lowest recent loss.
    """

    scores: Vector
    linear: Vector | None
    sets: list[Ids]
    chosen: int

    @property
    def labels(self) -> Ids:
        """The chosen label-set."""
        return self.sets[self.chosen]

    def loss(self, truth: Ids) -> float:
        """Return the chosen label-set's loss on a message; see `jaccard_loss`."""
        return jaccard_loss(self.labels, truth)

    def losses(self, truth: Ids) -> list[float]:
        """Return the loss of each active expert on a message; see `jaccard_loss`."""
        return [jaccard_loss(labels, truth) for labels in self.sets]


class Histograms(Parts):
    """ADWIN windows that are checked at once after each update: the last result is not part of the state."""

    def state_of(self, part: ADWIN) -> State:
        """See `Parts.state_of`."""
        return part.histogram()


class Leaf(Stateful):
    """Label priors, the most frequent label-set, a linear model, and the statistics that a split needs.

    The statistics and the linear model are most of its memory; a leaf that is put to *sleep* has neither,
    and predicts from its priors and label-sets alone.

    Parameters
    ----------
    number
        Its number in the tree.
    depth
        Branches above it.
    label_space
        The tree's labels.
    linear
        Whether it has a linear model while it is awake.
    """

    state_fields = fields(
        Values("number", "depth", "_models", "promise", "looks"),
        Histograms("window"),
        Parts("gaussians"),
        Learners("priors", "majority", "linear"),
        Arrays("losses"),
    )

    def __init__(self, number: int, depth: int, label_space: LabelSpace, linear: bool) -> None:
        self.number = number
        self.depth = depth
        self._models = linear
        self.window = ADWIN()
        self.priors = LabelPriors()
        self.majority = MajorityLabelset(COUNTED_LABELSETS)
        self.linear: AdaptiveLogisticRegression | None = None
        self.gaussians: LabelGaussians | None = None
        self.losses = np.zeros(3)
        # Decayed sum of the tree's losses in this leaf: the most that a split can gain.
        self.promise = 0.0
        self.looks = 0
        self.share(label_space)
        self.wake()

    @property
    def awake(self) -> bool:
        """Whether it can split, and has its linear model if the tree uses them."""
        return self.gaussians is not None

    def wake(self) -> None:
        """Start with new statistics and a new linear model."""
        self.gaussians = LabelGaussians()
        self.linear = AdaptiveLogisticRegression(variance=0.3) if self._models else None
        self.share(self.priors.label_space)

    def sleep(self) -> None:
        """Drop the statistics and the linear model."""
        self.gaussians = None
        self.linear = None
        self.looks = 0

    def inherit(self, rates: Floats, weight: float) -> None:
        """Start the priors at probabilities of shape (L,) that count as `weight` messages."""
        counts = {"positive": rates * weight, "known": np.full(len(rates), weight), "complete": weight}
        self.priors.load_state(self.priors.state_without_labels() | counts)

    def rates(self) -> Floats:
        """Return the priors' probabilities, shape (L,)."""
        return self.priors.score(np.zeros(0, dtype=np.float32)).astype(np.float64)

    def take_over(self, other: Leaf) -> None:
        """Copy another leaf's linear model and its experts' losses."""
        if self.linear is not None and other.linear is not None:
            self.linear.load_state(other.linear.state_without_labels())
        self.losses = other.losses.copy()

    def propose(self, inputs: Vector) -> Proposals:
        """Return the experts' predictions for one standardised vector."""
        sets = [self.majority.labels]
        if self.linear is None:
            return Proposals(self.priors.score(inputs), None, sets, MAJORITY)
        linear = self.linear.score(inputs)
        half = np.flatnonzero(linear >= 0.5)
        sets += [half, half if len(half) else _likeliest(linear)]
        # Of equals the last: before any message, the linear expert still has its parent's weights.
        chosen = len(sets) - 1 - int(self.losses[::-1].argmin())
        return Proposals(self.priors.score(inputs) if chosen == MAJORITY else linear, linear, sets, chosen)

    def learn(self, x: Vector, inputs: Vector, linear: Vector | None, targets: Targets) -> None:
        """Learn from a message of this leaf, given its vector, the linear model's inputs and its scores."""
        if targets.complete and self.gaussians is not None:
            # The statistics of a split need the negatives.
            self.gaussians.learn(x, targets.positive)
        if self.linear is not None and linear is not None:
            self.linear.update(inputs, linear, targets)
        self.priors.learn(inputs, targets)
        self.majority.learn(inputs, targets)

    def book(self, losses: list[float], chosen: int) -> None:
        """Add the experts' losses on a message, and that of the chosen one to the tree's loss."""
        self.promise = 0.999 * self.promise + losses[chosen]
        if self._models:
            self.losses *= LOSS_DECAY
            self.losses[: len(losses)] += losses

    @property
    def nbytes(self) -> int:
        """Memory that the leaf would free by sleeping, bytes."""
        if self.gaussians is None:
            return 0
        # Two numbers per label and feature: the weight and its variance.
        labels = 0 if self.linear is None else len(self.linear.label_space)
        return self.gaussians.nbytes + 8 * labels * (self.gaussians.features + 1)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        for part in (self.priors, self.majority, self.linear, self.gaussians):
            if part is not None:
                part.forget(labels)

    def share(self, label_space: LabelSpace) -> None:
        """Use the tree's label space from now on."""
        self.priors.share(label_space)
        self.majority.share(label_space)
        if self.linear is not None:
            self.linear.share(label_space)
            self.linear.follow(self.priors)

    @classmethod
    def from_state(cls, state: State, label_space: LabelSpace) -> Leaf:
        """Return the leaf of a state."""
        leaf = cls(state["number"], state["depth"], label_space, state["models"])
        if state["gaussians"] is None:
            leaf.sleep()
        leaf.load_state(state)
        return leaf


def jaccard_loss(predicted: Ids, truth: Ids) -> float:
    """Return 1 - |intersection| / |union| of ascending label-sets, 0 for two empty ones.

    Examples
    --------
    >>> nothing = np.array([], dtype=np.intp)
    >>> jaccard_loss(np.array([0, 2]), np.array([2])), jaccard_loss(nothing, nothing)
    (0.5, 0.0)
    """
    both = in_both(predicted, truth)
    either = len(predicted) + len(truth) - both
    return 1.0 - both / either if either else 0.0


def _likeliest(scores: Vector) -> Ids:
    if not len(scores):
        return np.zeros(0, dtype=np.intp)
    top = int(scores.argmax())
    return np.array([top] if scores[top] >= LEAST_TOP_SCORE else [], dtype=np.intp)
