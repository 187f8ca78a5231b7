"""PL-FMS per branch: each label is learned from the messages of its parent, and rehearsed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Ids, Parts, Stateful, Values, Vector, fields
from learners.core import Learners, Targets
from learners.dummy import LabelPriors
from learners.hierarchy.coherence import chained
from learners.hierarchy.label_closure import LabelClosure
from learners.hierarchy.paths import NONE
from learners.hierarchy.stale_labels import StaleLabels
from learners.linear_model import AdaptiveLogisticRegression
from learners.memory import Rehearsal

NO_LABELS: Ids = np.zeros(0, dtype=np.intp)
SURE = 0.95
"""Probability at which a label becomes a pseudo-label; high, as rehearsing a wrong one reinforces it."""


class Recalled(NamedTuple):
    """A remembered message of a silent label, as it was before it was learned again.

    Parameters
    ----------
    x, closed
        Its vector, and its targets closed under the current taxonomy.
    scores
        The probabilities that the branches gave its labels before they learned it again.
    """

    x: Vector
    closed: Targets
    scores: Vector


class Branches(Stateful):
    """The probability of each label given its parent, learned online and from a memory.

    See `LabelExpansion` for the parameters.
    """

    state_fields = fields(
        Learners("_classifier", "_priors"),
        Parts("_rehearsal"),
        Parts("_stale", key="claims"),
        Values("_born", "_counts", "_ends", "_vacant"),
    )

    def __init__(self, memory: int, replay: int, pseudo: bool, flexible: bool, seed: int) -> None:
        self.memory = memory
        self.replay = replay
        self.pseudo = pseudo
        self.flexible = flexible
        self.seed = seed
        self._classifier = AdaptiveLogisticRegression()
        self._priors = LabelPriors()
        self._rehearsal = Rehearsal(max(1, memory))
        self._stale = StaleLabels()
        # By label: the message at which it appeared, and in how many it was positive and most specific.
        self._born: list[int] = []
        self._counts: list[int] = []
        self._ends: list[int] = []
        # Labels whose ids go to others: `welcome` has not seen these yet.
        self._vacant: list[int] = []

    @property
    def remembered(self) -> int:
        """How many messages are in the memory."""
        return len(self._rehearsal)

    def share(self, closure: LabelClosure) -> None:
        """Use this closure, and the labels of its taxonomy, from now on."""
        self._closure = closure
        self._classifier.share(closure.taxonomy)
        self._priors.share(closure.taxonomy)
        # Priors are label frequencies of the stream, so rehearsed messages must not be counted.
        self._classifier.follow(self._priors)

    def score(self, x: Vector) -> Vector:
        """Return the probability of each label, shape (L,): the product along the path from its root."""
        return chained(self._classifier.score(x), self._closure.shape())

    def welcome(self, messages: int) -> list[tuple[int, int, float]]:
        """Add the labels that are new at a message; each starts from what was learned of its parent.

        Returns each new label below a root, its parent and its expected frequency.
        """
        space, begun = self._closure.taxonomy, []
        fresh = [*self._vacant, *range(len(self._born), len(space))]
        if self._vacant:
            # Ids that are given again do not ascend from parent to child.
            fresh.sort(key=space.level)
        for counts in (self._born, self._counts, self._ends):
            counts.extend([0] * (len(space) - len(counts)))
        for label in fresh:
            self._born[label], self._counts[label], self._ends[label] = messages, 0, 0
        self._vacant = []
        for label in fresh if self._closure.hierarchy else ():
            parent = space.parent(label)
            seen, idle = (messages, 0) if parent == NONE else (self._counts[parent], self._ends[parent])
            # Messages whose most specific label is the parent are divided among its children.
            siblings = 1 if parent == NONE else len(space.children(parent))
            share = max(idle / max(1, seen) / (siblings + 1), 1.0 / (2.0 + seen))
            self._priors.inherit(label, parent, share)
            if parent != NONE:
                begun.append((label, parent, share * seen / max(1, messages)))
        return begun

    def learn(self, x: Vector, stored: Targets, closed: Targets, messages: int) -> list[Recalled]:
        """Learn from one message, and rehearse some; return those of silent labels.

        Parameters
        ----------
        x
            The message's vector, shape (d,).
        stored, closed
            Its targets: in the form that is remembered, and closed under the current taxonomy.
        messages
            Messages so far, this one included.
        """
        local, ends = self._closure.conditional(closed), self._closure.most_specific(closed)
        for label in closed.positive.tolist():
            self._counts[label] += 1
        for label in ends:
            self._ends[label] += 1
        self._priors.learn(x, local)
        chance = np.random.default_rng((self.seed, messages)).random() if self.flexible else 0.0
        admitted = not self._waits(closed, chance, messages)
        if admitted:
            self._classifier.learn(x, local)
        recalled = self._rehearse(self.replay + (not admitted)) if self.memory else []
        if self.memory:
            self._rehearsal.add(x, stored, np.array(ends, dtype=np.intp), closed.positive)
        return recalled

    def drop_stale(self, scores: Vector, closed: Targets) -> Ids:
        """Forget the messages of stale labels, and return these and all below; see `StaleLabels`.

        `scores` are those of the next message, `closed` its targets.
        """
        if not self.memory or not self.replay:
            return NO_LABELS
        stale = self._stale.learn(scores, closed, self._closure.shape().live)
        if not len(stale):
            return NO_LABELS
        # Messages of the labels below would imply it.
        gone = np.array(sorted(self._closure.taxonomy.under(stale.tolist())), dtype=np.intp)
        self._rehearsal.forget(gone)
        self._stale.forget(gone)
        return gone

    def without_silent(self, closed: Targets) -> Targets:
        """Return the targets of the next message; see `Rehearsal.without_silent`."""
        if not self.memory or not self.replay:
            return closed
        return self._rehearsal.without_silent(closed, len(self._closure.taxonomy))

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        self._classifier.forget(labels)
        self._priors.forget(labels)
        self._rehearsal.forget(labels)
        self._stale.forget(labels)
        self._vacant = sorted({*self._vacant, *labels[labels < len(self._born)].tolist()})

    def _waits(self, closed: Targets, chance: float, messages: int) -> bool:
        """Return whether a message goes to the memory only: see `LabelExpansion.flexible`."""
        if not self.flexible or not self.memory or not len(closed.positive):
            return False
        newest = max(self._born[label] for label in closed.positive.tolist())
        return bool(chance * messages >= (messages - newest) * len(self._born))

    def _rehearse(self, count: int) -> list[Recalled]:
        memory, closure, recalled = self._rehearsal, self._closure, []
        for _ in range(count):
            slot = memory.draw()
            if slot is None:
                break
            x, stored = memory.vector(slot), memory.targets(slot)
            closed, conditional = closure.closed(stored), self._classifier.score(x)
            scores = chained(conditional, closure.shape())
            if memory.is_silent(slot):
                recalled.append(Recalled(x, closed, scores))
            if self.pseudo and stored.complete and not closed.complete:
                closed = closure.with_pseudo_labels(closed, scores, SURE)
            self._classifier.update(x, conditional, closure.conditional(closed))
            memory.refile(slot, np.array(closure.most_specific(closed), dtype=np.intp))
        return recalled
