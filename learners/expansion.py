"""PL-FMS: labels that branch out while a learner learns them, with a memory that fills in what it lacks."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from learners.base import Learner, Prediction, State, Statistics, Vector
from learners.coherence import DECODERS, LevelThresholds, coherent, likeliest_paths, top_down
from learners.labels import Ids, LabelSpace, Targets
from learners.linear import AdaptiveLogisticRegression
from learners.operations import Operation
from learners.parameters import check_choice, check_number
from learners.priors import LabelPriors, PriorBased
from learners.rehearsal import Rehearsal
from learners.taxonomy import NONE, Shape, Taxonomy

SURE = 0.6
"""Probability at which a label becomes a pseudo-label."""
PLENTY = 100
"""Messages of its own from which on a label is not rehearsed."""


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
    """What was worked out to predict one message: learning from it needs the same again."""

    key: bytes
    shape: Shape
    scores: Vector
    raw: Vector


class LabelExpansion(Learner):
    """Any array learner, for labels that are paths (`topics/energy/crude`) in a taxonomy that grows.

    A message makes the ancestors of its labels positive and says nothing of what lies under its most
    specific ones. A label that appears under another starts from what is known of that one. With every
    message, some from a memory are learned once more if they carry a rare label, with the labels that they
    lack filled in where the learner is sure (pseudo-labels).

    Parameters
    ----------
    learner
        A fresh learner of ours; None (the default) is `AdaptiveLogisticRegression`.
    memory
        Messages remembered; 0 for no memory. Too few push rare labels out.
    replay
        Messages drawn from the memory with each new one, at least 0. Each costs up to as much as a new one;
        too many overfit the memory, and rare labels are predicted too often.
    eviction
        Which message leaves a full memory; see `Rehearsal`.
    pseudo
        Whether labels that remembered messages lack are filled in.
    flexible
        Whether messages of labels that have only just appeared wait in the memory, as published (FMS): one
        whose newest label appeared at n_c is learned from at once with chance min(1, (n - n_c) K / n), with
        K labels known at message n. Off by default: it costs emerging labels more than it spares the others.
    hierarchy
        Whether the tree counts at all; without it labels are learned and decided as if they were flat.
    decoder
        How label-sets are decided: "levels" (the default), thresholds that follow F1 on each level;
        "paths", the likeliest set of paths; "top-down", 0.5 on every label and its ancestors.
    seed
        Of what is drawn from the memory.

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
       pseudo-labels and sampling, there for one label a message and a stream of known length.
    """

    label_space: Taxonomy

    def __init__(
        self,
        learner: Learner | None = None,
        memory: int = 1000,
        replay: int = 2,
        eviction: str = "importance",
        pseudo: bool = True,
        flexible: bool = False,
        hierarchy: bool = True,
        decoder: str = "levels",
        seed: int = 0,
    ) -> None:
        check_number(self, "memory", memory, int, 0)
        check_number(self, "replay", replay, int, 0)
        check_choice(self, "decoder", decoder, DECODERS)
        check_number(self, "seed", seed, int, 0)
        self.learner = learner
        self.memory = memory
        self.replay = replay
        self.eviction = eviction
        self.pseudo = pseudo
        self.flexible = flexible
        self.hierarchy = hierarchy
        self.decoder = decoder
        self.seed = seed
        super().__init__()
        self.label_space = Taxonomy()
        self._inner = AdaptiveLogisticRegression() if learner is None else learner.clone()
        self._priors = LabelPriors()
        self._rehearsal = Rehearsal(max(1, memory), eviction)
        self._thresholds = LevelThresholds()
        # By label: the message that brought it, and on how many it was the most specific.
        self._born: list[int] = []
        self._ends: list[int] = []
        self._scored: _Scored | None = None
        self._flat: Shape | None = None
        self._share()

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,), no child's above its parent's."""
        return self._work_out(x).scores.copy()

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set that the decoder chose, and the probabilities."""
        scored = self._work_out(x)
        return Prediction(self._decide(scored), scored.scores.copy())

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one message and from some of the memory."""
        self._count(x)
        given = self._given(targets)
        told = self._read(given)
        self._welcome()
        for label in self.label_space.ends(told.positive.tolist()):
            self._ends[label] += 1
        scored = self._work_out(x)
        self._scored = None
        self._thresholds.learn(scored.scores, scored.shape, told)
        self._priors.learn(x, told)
        draw = np.random.default_rng((self.seed, self._messages))
        admitted = not self._waits(told, draw.random())
        if admitted:
            self._inner.learn(x, told)
        self._rehearse(draw, self.replay + (not admitted))
        if self.memory:
            loss = _loss(scored.raw, told)
            self._rehearsal.add(x, given, self._classes(told), loss, draw.random())

    def apply(self, operation: Operation) -> None:
        """Carry out an operation: labels keep what is known of them, and new ones start from their parent.

        Raises
        ------
        TaxonomyError
            When the taxonomy does not allow it; nothing has changed then.
        """
        self.label_space.apply(operation)
        self._welcome()
        self._scored = None

    def _work_out(self, x: Vector) -> _Scored:
        key, shape = x.tobytes(), self._shape()
        if self._scored is None or self._scored.key != key or self._scored.shape is not shape:
            raw = self._inner.score(x)
            self._scored = _Scored(key, shape, coherent(raw, shape), raw)
        return self._scored

    def _decide(self, scored: _Scored) -> Ids:
        if self.decoder == "levels":
            return self._thresholds.decide(scored.scores, scored.shape)
        return (likeliest_paths if self.decoder == "paths" else top_down)(scored.raw, scored.shape)

    def _shape(self) -> Shape:
        """Return the tree; without hierarchy, a forest of roots alone."""
        shape = self.label_space.shape()
        if self.hierarchy:
            return shape
        if self._flat is None or self._flat.live is not shape.live:
            roots = np.full(len(shape.live), NONE, dtype=np.intp)
            self._flat = Shape(roots, (np.flatnonzero(shape.live),), shape.live)
        return self._flat

    def _given(self, targets: Targets) -> Targets:
        """Return complete targets where it is the tree alone that leaves labels open: it may yet change."""
        whole = self.label_space.read(Targets(targets.positive))
        if targets.negative is None or whole.negative is None:
            return targets
        return Targets(targets.positive) if np.array_equal(whole.negative, targets.negative) else targets

    def _read(self, given: Targets) -> Targets:
        told = self.label_space.read(given)
        return told if self.hierarchy or given.negative is not None else Targets(told.positive)

    def _welcome(self) -> None:
        """Take in labels that are new, parents first; children start from what is known of their parent."""
        space = self.label_space
        fresh = range(len(self._born), len(space))
        self._born.extend(self._messages for _ in fresh)
        self._ends.extend(0 for _ in fresh)
        for label in fresh if self.hierarchy else ():
            parent = space.parent(label)
            if parent != NONE:
                # Messages that had nothing under the parent are shared among its children.
                share = self._ends[parent] / max(1, self._messages - 1) / (len(space.children(parent)) + 1)
                for learner in (self._inner, self._priors):
                    learner.inherit(label, parent, max(share, 1.0 / (1.0 + self._messages)))

    def _waits(self, told: Targets, chance: float) -> bool:
        """Return whether a message goes to the memory only: see `flexible`."""
        if not self.flexible or not self.memory or not len(told.positive):
            return False
        n, newest = self._messages, max(self._born[label] for label in told.positive.tolist())
        return bool(chance * n >= (n - newest) * len(self._born))

    def _rehearse(self, draw: np.random.Generator, count: int) -> None:
        memory = self._rehearsal
        if not len(memory) or not count:
            return
        for slot in draw.integers(len(memory), size=count).tolist():
            x, given = memory.vector(slot), memory.targets(slot)
            told, raw = self._read(given), self._inner.score(x)
            loss = _loss(raw, told)
            if self.pseudo and given.complete and not told.complete:
                told = self._filled_in(told, coherent(raw, self._shape()))
            classes = self._classes(told)
            # Labels that the stream is full of need no rehearsal: it would only wear their probabilities out.
            if any(self._ends[label] < PLENTY for label in classes):
                self._inner.learn(x, told)
            memory.refile(slot, classes, loss)

    def _filled_in(self, told: Targets, scores: Vector) -> Targets:
        """Return targets with pseudo-labels: under each most specific label the learner's sure ones."""
        space = self.label_space
        negative = set() if told.negative is None else set(told.negative.tolist())
        positive = set(told.positive.tolist())
        pending = space.ends(positive)
        for label in pending:
            children = space.children(label)
            sure = [child for child in children if scores[child] >= SURE]
            if sure:
                positive.update(sure)
                pending.extend(sure)
                others = [child for child in children if child not in positive]
                negative.update(space.under(others))
        return Targets(np.array(sorted(positive), dtype=np.intp), np.array(sorted(negative), dtype=np.intp))

    def _classes(self, told: Targets) -> tuple[int, ...]:
        return tuple(self.label_space.ends(told.positive.tolist()))

    def statistics(self) -> ExpansionStatistics:
        """Return a frozen account; see `ExpansionStatistics`."""
        return ExpansionStatistics(
            **dataclasses.asdict(super().statistics()),
            levels=len(self.label_space.shape().levels),
            remembered=len(self._rehearsal),
        )

    def share(self, label_space: LabelSpace) -> None:
        """See `Learner.share`; the space must be a taxonomy.

        Raises
        ------
        TypeError
            When it is another kind of label space: its names say nothing of what lies above them.
        """
        if not isinstance(label_space, Taxonomy):
            raise TypeError(
                f"LabelExpansion shares a Taxonomy. Got a {type(label_space).__name__}; let the other "
                "learner share this one's instead."
            )
        super().share(label_space)
        self._share()

    def _share(self) -> None:
        self._flat = None
        self._inner.share(self.label_space)
        self._priors.share(self.label_space)
        if isinstance(self._inner, PriorBased):
            # Priors say how often labels occur in the stream: what is learned again must not count again.
            self._inner.follow(self._priors)

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {
            "inner": {key: value for key, value in self._inner.state().items() if key != "labels"},
            "priors": {key: value for key, value in self._priors.state().items() if key != "labels"},
            "rehearsal": self._rehearsal.state(),
            "thresholds": self._thresholds.state(),
            "born": list(self._born),
            "ends": list(self._ends),
        }

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._scored = None
        labels = {"labels": self.label_space.state()}
        self._inner.load_state(state["inner"] | labels)
        self._priors.load_state(state["priors"] | labels)
        self._share()
        self._rehearsal.load_state(state["rehearsal"])
        self._thresholds.load_state(state["thresholds"])
        self._born, self._ends = list(state["born"]), list(state["ends"])


def _loss(scores: Vector, told: Targets) -> float:
    """Return the summed logarithmic loss of the positives: how much there is to learn of them."""
    return float(-np.log(np.clip(scores[told.positive], 1e-6, 1.0)).sum())
