"""PL-FMS: online learning of labels in a growing taxonomy, with a memory and pseudo-labels."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from drift.core import Ids, Parts, Vector, check_choice, check_number, fields
from learners.core import (
    MAX_LABELS,
    LabelSpace,
    Learner,
    Learners,
    Operation,
    Prediction,
    Statistics,
    Structure,
    Targets,
)
from learners.ensemble import IHOMER, Mixed, Mixture
from learners.hierarchy.branches import Branches
from learners.hierarchy.coherence import (
    DECODERS,
    LevelThresholds,
    Reached,
    chained,
    chosen,
    coherent,
    conditional,
    exclusive,
    likeliest_paths,
    top_down,
)
from learners.hierarchy.label_closure import LabelClosure
from learners.hierarchy.novel_labels import NovelLabels
from learners.hierarchy.paths import Shape
from learners.hierarchy.taxonomy import Taxonomy
from learners.neighbors import Compared, NearestClassMean

OPINIONS = 4
"""Number of mixed opinions: the inner learner's, the same with exclusive siblings, the branches', and that of
the labels' means, with exclusive siblings."""


@dataclasses.dataclass(frozen=True)
class ExpansionStatistics(Statistics):
    """What `LabelExpansion.statistics` returns: the common figures, and the shape of the taxonomy.

    Parameters
    ----------
    levels
        Levels of the taxonomy.
    remembered
        Messages in the rehearsal memory.
    """

    levels: int
    remembered: int


class _Scored(NamedTuple):
    """What a prediction was computed from; learning from the message needs it again."""

    shape: Shape
    scores: Vector
    mixed: Mixed
    branches: Vector
    means: Compared
    inner: Prediction
    walked: list[Reached]
    labels: Ids


class LabelExpansion(Learner):
    """Any array learner, for labels that are paths (`topics/energy/crude`) in a taxonomy that grows.

    A message makes the ancestors of its labels positive and leaves those below its most specific ones
    unknown. A mixture weighs four opinions of each label given its parent: the inner learner's; the same if
    siblings exclude each other; that of *branches*, which learn each label from messages of its parent alone
    and rehearse messages from a memory, after adding confident labels (pseudo-labels) that these lack; and
    that of the labels' means if siblings exclude each other, which no other label's messages change. New
    messages do not show which opinion knows a silent label, so the mixture, and that of the inner learner,
    learn of it from its remembered messages alone. Which messages are remembered and rehearsed: see
    `Rehearsal`; which leave the memory, and which means begin anew, because a label means something else by
    now: see `StaleLabels`.

    Parameters
    ----------
    learner
        An array learner that has learned nothing yet; None (the default) is `IHOMER`.
    memory
        Messages remembered; 0 for no memory. With too few, rare labels leave it. The inner learner may
        have a memory of its own.
    replay
        Messages drawn from the memory with each new one, at least 0. The first costs up to as much as a new
        message; too many overfit the memory, and rare labels are predicted too often. 0 leaves it unused.
    pseudo
        Whether labels that remembered messages lack are filled in.
    flexible
        Whether messages of new labels may go to the memory alone, as published (FMS): branches learn from
        message n at once with probability min(1, (n - n_c) K / n), where the newest of its labels appeared at
        n_c and K labels are known. Off by default: emerging labels lose accuracy, and the others gain little.
    hierarchy
        Whether the tree is used; without it labels are learned and decided as if they were flat.
    decoder
        How label-sets are decided: "levels" (the default), by the best F1 on each level and overall; "paths",
        the most probable set of paths; "top-down", 0.5 on every label and its ancestors.
    seed
        Seed of the draws of `flexible`.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = LabelExpansion()
    >>> for n in range(60):
    ...     learner.learn_one({"oil": float(n % 2)}, {"energy": n % 2 == 1, "grain": n % 2 == 0})
    >>> for n in range(20):
    ...     learner.learn_one({"oil": float(n % 2)}, {"energy/crude" if n % 2 else "grain": True})
    >>> learner.predict_one({"oil": 1.0})
    {'energy': True, 'grain': False, 'energy/crude': True}

    References
    ----------
    .. [1] B. H. Lee et al., "Online Continual Learning on Hierarchical Label Expansion", ICCV 2023: memory,
       pseudo-labels and sampling, there for one label per message and a stream of known length.
    """

    state_fields = fields(
        Learners("_inner", "_means"),
        Parts("_branches", "_mixture", "_thresholds"),
        Parts("_novel", key="debuts"),
    )

    label_space: Taxonomy

    def __init__(
        self,
        learner: Learner | None = None,
        memory: int = 1000,
        replay: int = 2,
        pseudo: bool = True,
        flexible: bool = False,
        hierarchy: bool = True,
        decoder: str = "levels",
        seed: int = 0,
        max_labels: int = MAX_LABELS,
    ) -> None:
        if learner is not None and not isinstance(learner, Learner):
            raise ValueError(
                f"The 'learner' parameter of LabelExpansion must be a learner or None. Got {learner!r} "
                "instead. It can be given in Python only."
            )
        check_number(self, "memory", memory, int, 0)
        check_number(self, "replay", replay, int, 0)
        check_choice(self, "decoder", decoder, DECODERS)
        check_number(self, "seed", seed, int, 0)
        self.learner = learner
        self.memory = memory
        self.replay = replay
        self.pseudo = pseudo
        self.flexible = flexible
        self.hierarchy = hierarchy
        self.decoder = decoder
        self.seed = seed
        super().__init__(max_labels)
        self._own(Taxonomy(limit=max_labels))
        self._inner = IHOMER() if learner is None else learner.clone()
        self._branches = Branches(memory, replay, pseudo, flexible, seed)
        self._means = NearestClassMean()
        self._mixture = Mixture(OPINIONS)
        self._thresholds = LevelThresholds()
        self._novel = NovelLabels()
        self._share()

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,), no child's above its parent's."""
        return self._compute(x).scores

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set that the decoder chose, and the probabilities."""
        scored = self._compute(x)
        return Prediction(scored.labels.copy(), scored.scores.copy(), computed=self._computed(scored))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one message and from some of the memory."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """See `Learner.learn_predicted`."""
        scored: _Scored | None = self._reusable(prediction)
        self._count(x)
        stored = self._closure.stored(targets)
        closed = self._closure.closed(stored)
        self._welcome()
        if scored is None or scored.shape is not self._closure.shape():
            scored = self._compute(x)
        self._thresholds.learn(scored.walked, scored.shape, closed)
        self._novel.learn(scored.branches, scored.labels, closed)
        stale = self._branches.drop_stale(scored.branches, closed)
        self._learn_mixed(scored.mixed, self._branches.without_silent(closed))
        if len(stale):
            self._means.forget(stale)
        self._means.update(x, scored.means, closed)
        self._inner.learn_predicted(x, closed, scored.inner)
        self.changes = self._inner.changes
        for recalled in self._branches.learn(x, stored, closed, self._messages):
            inner = self._inner.recall(recalled.x, recalled.closed)
            mixed = self._mix(inner, recalled.scores, self._means.score(recalled.x))
            self._learn_mixed(mixed, recalled.closed)

    def _mix(self, inner: Vector, branches: Vector, means: Vector) -> Mixed:
        shape = self._closure.shape()
        shares = exclusive(inner, shape), conditional(branches, shape), exclusive(means, shape)
        return self._mixture.mix((conditional(inner, shape), *shares))

    def _learn_mixed(self, mixed: Mixed, closed: Targets) -> None:
        self._mixture.learn(mixed, self._closure.conditional(closed))

    def clusters_of(self, labels: Ids) -> list[int]:
        """See `Learner.clusters_of`: the inner learner's."""
        return self._inner.clusters_of(labels)

    def structure(self) -> Structure:
        """See `Learner.structure`: the inner learner's."""
        return self._inner.structure()

    def apply(self, operation: Operation) -> None:
        """Apply an operation: labels keep what was learned of them, and new ones start from their parent.

        Raises
        ------
        TaxonomyError
            When the taxonomy does not allow it; nothing has changed then.
        """
        self.label_space.apply(operation)
        self._welcome()
        self._changed()

    def _compute(self, x: Vector) -> _Scored:
        shape, inner, branches = self._closure.shape(), self._inner.predict(x), self._branches.score(x)
        means = self._means.compare(x)
        mixed = self._mix(inner.scores, branches, means.scores)
        scores = coherent(chained(mixed.probabilities, shape), shape)
        walked = self._thresholds.walk(scores, shape, inner.labels)
        if self.decoder == "levels":
            labels = self._novel.add(chosen(walked), branches, shape)
        else:
            decide = likeliest_paths if self.decoder == "paths" else top_down
            labels = decide(scores, shape)
        return _Scored(shape, scores, mixed, branches, means, inner, walked, labels)

    def _welcome(self) -> None:
        for label, parent, prior in self._branches.welcome(self._messages):
            self._inner.inherit(label, parent, prior)

    def statistics(self) -> ExpansionStatistics:
        """Return a frozen account; see `ExpansionStatistics`."""
        return ExpansionStatistics(
            **dataclasses.asdict(super().statistics()),
            levels=len(self.label_space.shape().levels),
            remembered=self._branches.remembered,
        )

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        for part in (self._inner, self._means, self._branches, self._mixture, self._novel):
            part.forget(labels)

    def share(self, label_space: LabelSpace) -> None:
        """See `Learner.share`; the space must be a taxonomy.

        Raises
        ------
        TypeError
            When it is another kind of label space, whose names do not determine ancestors.
        """
        if not isinstance(label_space, Taxonomy):
            raise TypeError(
                f"LabelExpansion shares a Taxonomy. Got a {type(label_space).__name__}; let the other "
                "learner share this one's instead."
            )
        super().share(label_space)
        self._share()

    def _share(self) -> None:
        self._closure = LabelClosure(self.label_space, self.hierarchy)
        self._inner.share(self.label_space)
        self._means.share(self.label_space)
        self._branches.share(self._closure)
