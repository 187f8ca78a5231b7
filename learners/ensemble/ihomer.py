"""iHOMER: label clusters that follow the stream, and a mixture of experts that decides inside them.

Large state is shared and indexed by label: one window of recent messages, one weight row per label and
expert. A cluster is a *view* of it: which labels are decided together. Moving a label retrains nothing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from drift.core import Ids, Parts, Vector, check_number, fields, grown
from learners.cluster import Clusters
from learners.core import (
    MAX_LABELS,
    Explanation,
    LabelSpace,
    Learner,
    Learners,
    Prediction,
    Structure,
    Targets,
)
from learners.dummy import LabelPriors, Persistence, PriorBased
from learners.ensemble.decision import Decided, Decision
from learners.ensemble.ihomer_statistics import IHOMERStatistics
from learners.ensemble.mixture import NO_RIVAL, Mixed, Mixture
from learners.ensemble.models import EXPERTS, PART_TIME, TREE, Modelled, Models, add_opinions
from learners.ensemble.scored import UNDECIDED, Nearest, Scored, Seen
from learners.ensemble.shortlist import MANY, NOTHING, places, shortlist, with_missed, without
from learners.ensemble.sleeping import Sleepers
from learners.memory import SILENCE, Rehearsal
from learners.neighbors import NOBODY, NearestNeighbours
from learners.preprocessing import Directions, StandardScaler
from learners.tree import HoeffdingAdaptiveTree

TREE_SIZE = 8.0
"""Memory of the tree's statistics, MiB: 220 leaves at 14 labels and 100 features; it fills up early."""
REHEARSED_EVERY = 3
"""Messages for each one that is rehearsed, so that silent labels cost less than a third of a message."""
JUDGED_EVERY = 48
"""Messages for each one that is predicted before it is rehearsed, for the sake of `statistics` alone."""
RECALLED = 4.0
"""Steps by which a recalled message moves its labels' weights in the mixture: it stands for many that do not
come any more. With one, of classes that come one after the other fewer are kept: 75.7 %, not 77.2 %."""
CONFUSABLE = 8
"""Labels of a shortlist, the likeliest, that a rehearsed message teaches beside its own. With none of them
the F1 of messages remembered for long is seven points lower, with all of them one or two points higher."""


class IHOMER(Learner):
    """Multi-label learner for streams whose labels come, go and regroup.

    Ten experts (adaptive logistic regression and recursive least squares, each on the vector's direction
    and on the standardised vector, nearest neighbours by angle and by standardised distance, label priors,
    the previous labels, an adaptive tree, and logistic regression on the sparse part, which abstains where
    a vector has none) give each label a probability; a mixture follows the experts that work now.
    Label clusters, learned online from co-occurrence, tell which labels are decided together. Features may
    have any scale: see `StandardScaler` and `Directions`. The three most expensive experts sleep while the
    mixture would hardly miss them, after 2,000 messages at the earliest: see `Sleepers`. Of 2,000 labels and
    more a shortlist is scored and taught, and the rest have probability 0: see `shortlist`. Silent labels are
    kept: the neighbours' windows spare their messages, with at most every third message the linear experts
    and the ridge regressions rehearse one from a memory, and their absence teaches the mixture nothing; see
    `Slots` and `Rehearsal`. The mixture rehearses in `recall` alone: else it would follow the past.

    Parameters
    ----------
    rule
        The score that label-sets are chosen for: "balanced" (default: all of them), "subset", "micro_f1",
        "macro_f1", "hamming" (errors), or "top_1", "top_3", "top_5" (always so many labels). All but the
        first give up some of the other scores for their own.
    k, window
        Neighbours that vote, and messages remembered to find them; see `NearestNeighbours`.
    linkage, patience
        How alike labels of one cluster are, and how often a cluster is checked; see `Clusters`.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.
    memory
        Messages remembered for rehearsal; 0 for none, and for windows of recent messages alone: then a label
        that falls silent for a thousand messages is forgotten. With too few, rehearsal overfits them.

    Examples
    --------
    >>> learner = IHOMER()
    >>> for n in range(60):
    ...     windy = n % 2 == 0
    ...     learner.learn_one({"wind": 8.0 if windy else 1.0}, {"storm": windy, "beach": not windy})
    >>> learner.predict_one({"wind": 8.0})
    {'storm': True, 'beach': False}
    >>> learner.statistics().labels
    2

    References
    ----------
    "Online hierarchical partitioning of the output space in extreme multi-label data streams", ECAI 2025:
    the idea of learning in clusters of labels that are restructured online. Herbster and Warmuth, "Tracking
    the best expert", 1998: the mixture.
    """

    state_fields = fields(
        Parts("_scaler", "_directions"),
        Learners("_experts"),
        Parts("_mixture", "_sleepers", "_decision", "_clusters", "_memory"),
    )

    def __init__(
        self,
        rule: str = "balanced",
        k: int = 10,
        window: int = 1000,
        linkage: float = 0.33,
        patience: int = 50,
        memory: int = 1000,
        max_labels: int = MAX_LABELS,
    ) -> None:
        check_number(self, "memory", memory, int, 0)
        self.rule = rule
        self.k = k
        self.window = window
        self.linkage = linkage
        self.patience = patience
        self.memory = memory
        super().__init__(max_labels)
        self._scaler = StandardScaler()
        self._directions = Directions(self._scaler)
        # Of a silent label twice as many messages stay as vote: with more of them, others are learned worse.
        enough = 2 * k if memory else 0
        self._near_angle, self._near_standard = (NearestNeighbours(k, window, enough) for _ in range(2))
        self._near_standard.follow(self._near_angle)
        self._priors = LabelPriors()
        self._models = Models(self._priors)
        self._previous = Persistence()
        self._tree = HoeffdingAdaptiveTree(max_size=TREE_SIZE, linear=False)
        models = vars(self._models)
        self._experts: dict[str, Learner] = {
            name: models[name] if name in models else getattr(self, f"_{name}") for name in EXPERTS
        }
        part_time = list(map(EXPERTS.index, PART_TIME))
        self._mixture = Mixture(len(EXPERTS), novices=2, part_time=part_time, rivals=True)
        self._sleepers = Sleepers(len(PART_TIME))
        self._decision = Decision(rule)
        self._clusters = Clusters(linkage, patience=patience)
        self._memory = Rehearsal(memory, SILENCE) if memory else None
        self._share()

    def score(self, x: Vector) -> Vector:
        """Return the mixture's probability of each label, shape (L,)."""
        return self._compute(x, decided=UNDECIDED).every()

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set that the rule chose, and the mixture's probabilities."""
        scored = self._compute(x)
        return Prediction(scored.decided.labels, scored.every(), computed=self._computed(scored))

    def clusters_of(self, labels: Ids) -> list[int]:
        """Return the ids of some labels' clusters, ascending."""
        return sorted(set(self._clusters.owners()[labels].tolist()))

    def structure(self) -> Structure:
        """See `Learner.structure`."""
        return Structure(self._clusters.owners(), self._clusters.splits())

    def explain(self, prediction: Prediction, labels: int, neighbours: int) -> Explanation | None:
        """Return the experts' opinions on the likeliest scored labels, their weights and neighbours."""
        scored: Scored | None = self._reusable(prediction)
        if scored is None:
            return None
        explained, names = scored.among(prediction.leading(labels)), (*self._experts, "stacked")
        return Explanation(
            explained,
            dict(zip(names, scored.opinions(explained).tolist(), strict=True)),
            dict(zip(names, self._mixture.trust(explained).tolist(), strict=True)),
            self._near_angle.described(scored.seen.near[0], neighbours),
        )

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one message: every expert, the mixture, the rule and the clusters."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """See `Learner.learn_predicted`."""
        scored = self._extended(x, self._reusable(prediction), targets.positive)
        known, asked = scored.modelled.among(targets), scored.seen.asked
        if targets.complete:
            if self._sleepers.measured(self._messages):
                self._sleepers.learn(self._mixture.values(scored.mixed, known.positive, asked), asked)
            self._decision.learn(scored.decided, targets)
        heard = known
        if self._memory is not None:
            heard = self._memory.without_silent(known, scored.size, scored.listed)
        self._mixture.learn(scored.mixed, heard)
        self._count(x)
        self._teach(scored, x, targets, known)
        self._rehearse(x, targets)
        self.changes = self._clusters.learn_named(targets.positive, self.label_space)

    def _compute(
        self, x: Vector, true: Ids = NOTHING, seen: Seen | None = None, decided: Decided | None = None
    ) -> Scored:
        """Score the labels: of many only a shortlist, and true ones to be learned, which it may miss."""
        seen, listed = seen or self._look(x), None
        if seen.logits is not None:
            listed = shortlist(seen.logits, *(each.ids for each in seen.near), self._previous.labels)
        return self._score(x, seen, listed, true, decided)

    def _extended(self, x: Vector, scored: Scored | None, true: Ids) -> Scored:
        """Return what was computed for a prediction, if anything, with true labels that it missed."""
        labels = len(self.label_space)
        if scored is not None and scored.seen.labels == labels:
            every, missed = with_missed(scored.listed, true)
            if every is None or not len(missed):
                return scored
            rest = np.arange(len(missed)), scored.mixed.best
            return scored.extended(*self._opinions(x, scored.seen, missed, *rest), missed, every)
        seen = None if scored is None else scored.seen
        if seen is None or seen.logits is None:
            return self._compute(x, true)
        # Of new labels nothing but the prior is known.
        logits = np.append(seen.logits, self._priors.logits()[seen.labels :])
        tree = None if seen.tree is None else self._tree.predict(x)
        seen = seen._replace(labels=labels, logits=logits, priors=self._priors.shared(), tree=tree)
        return self._compute(x, true, seen)

    def _look(self, x: Vector) -> Seen:
        views, asked = self._directions.views(x), self._sleepers.asked(self._messages)
        _, standard_asked, tree_asked = asked.tolist()
        near: Nearest = (self._near_angle.nearest(views.direction),)
        near += (self._near_standard.nearest(views.standard),) if standard_asked else ()
        tree = self._tree.predict(x) if tree_asked else None
        logits = self._logits(views.direction)
        return Seen(len(self.label_space), views, asked, near, logits, self._priors.shared(), tree)

    def _logits(self, direction: Vector) -> Vector | None:
        """Return the first expert's log-odds of all labels, where only a shortlist is scored."""
        return self._models.linear.logits(direction) if len(self.label_space) >= MANY else None

    def _score(
        self, x: Vector, seen: Seen, listed: Ids | None, true: Ids, decided: Decided | None = None
    ) -> Scored:
        """Score the listed labels, and true ones, which a decision that is still to be made leaves out."""
        listed, missed = with_missed(listed, true)
        said, mixed = self._opinions(x, seen, listed, missed if listed is None else places(listed, missed))
        if decided is None:
            # No decision but one without missed labels is learned from.
            probabilities = without(mixed.probabilities, listed, missed)
            decided = self._decide(probabilities, seen.near, seen.labels, listed)
        return Scored(seen, said, mixed, decided)

    def _opinions(
        self, x: Vector, seen: Seen, listed: Ids | None, missed: Ids, best: float = NO_RIVAL
    ) -> tuple[Modelled, Mixed]:
        """Return what the experts say of the listed labels, and the mixture of it; see `Mixture.mix`."""
        near, (ridge_scaled, standard_asked, _) = seen.near, seen.asked.tolist()
        said = self._models.ask(x, seen.views, listed, seen.logits, ridge_scaled=ridge_scaled)
        angle, standard = (*near, NOBODY)[:2]
        add_opinions(
            *(listed, seen.priors, self._previous.labels, self._previous.staying),
            *(angle.weights, angle.rows, standard.weights, standard.rows),
            standard_asked,
            *self._near_angle.said.tables,
            said.scores,
        )
        if seen.tree is not None:
            said.scores[TREE] = seen.tree.scores if listed is None else seen.tree.scores[listed]
        return said, self._mixture.mix(said.scores, seen.asked, listed, missed, best)

    def _decide(self, probabilities: Vector, near: Nearest, labels: int, listed: Ids | None) -> Decided:
        # Labels that have not occurred yet have no cluster; 0 stands for it.
        owners = grown(self._clusters.owners(), labels)[:labels]
        return self._decision.decide(probabilities, near, self._previous.labels, owners, listed)

    def _teach(self, scored: Scored, x: Vector, targets: Targets, known: Targets) -> None:
        views, tree = scored.seen.views, scored.seen.tree
        self._models.teach(scored.modelled, x, targets, known)
        self._near_angle.learn(views.direction, targets)
        self._near_standard.learn(views.standard, targets)
        self._priors.learn(x, targets)
        self._previous.learn(x, targets)
        if tree is not None:
            self._tree.learn_predicted(x, targets, tree)
        self._scaler.learn(x)
        self._directions.learn()

    def _rehearse(self, x: Vector, targets: Targets) -> None:
        """Remember a message, and from time to time learn one of a silent label again."""
        if self._memory is None:
            return
        self._memory.add(x, targets, targets.positive)
        slot = None if self._messages % REHEARSED_EVERY else self._memory.draw()
        if slot is None:
            return
        x, targets = self._memory.vector(slot), self._memory.targets(slot)
        if self._messages % JUDGED_EVERY == 0:
            scored = self._compute(x, targets.positive)
            self._memory.judge(slot, scored.decided.labels)
            said = scored.modelled
        else:
            views = self._directions.views(x)
            logits = self._logits(views.direction)
            listed = None if logits is None else shortlist(logits, targets.positive, most=CONFUSABLE)
            ridge_scaled = bool(self._sleepers.asked(self._messages)[0])
            said = self._models.ask(x, views, listed, logits, ridge_scaled=ridge_scaled)
        self._models.teach(said, x, targets, said.among(targets))

    def recall(self, x: Vector, targets: Targets) -> Vector:
        """See `Learner.recall`: the mixture learns from what the experts say."""
        scored = self._compute(x, targets.positive, decided=UNDECIDED)
        self._mixture.learn(scored.mixed, scored.modelled.among(targets), RECALLED)
        return scored.every()

    def statistics(self) -> IHOMERStatistics:
        """Return a frozen account; see `IHOMERStatistics`."""
        leaves = self._clusters.leaves()
        f1_1k, f1_10k, f1_older = [1.0] * 3 if self._memory is None else self._memory.f1()
        return IHOMERStatistics(
            **dataclasses.asdict(super().statistics()),
            clusters=len(leaves),
            largest_cluster=max(len(self._clusters.members(leaf)) for leaf in leaves),
            pairs=self._clusters.counts.pairs,
            dropped_weights=self._models.linear_sparse.dropped,
            remembered_f1_1k=f1_1k,
            remembered_f1_10k=f1_10k,
            remembered_f1_older=f1_older,
        )

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`."""
        self._changed()
        for expert in self._experts.values():
            expert.inherit(label, parent, prior)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        for part in (*self._experts.values(), self._mixture, self._decision, self._clusters, self._memory):
            if part is not None:
                part.forget(labels)

    def share(self, label_space: LabelSpace) -> None:
        """See `Learner.share`."""
        super().share(label_space)
        self._share()

    def _share(self) -> None:
        for expert in self._experts.values():
            expert.share(self.label_space)
            if isinstance(expert, PriorBased):
                expert.follow(self._priors)
