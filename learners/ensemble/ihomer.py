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
from learners.ensemble.mixture import Mixed, Mixture
from learners.ensemble.models import EXPERTS, PART_TIME, TREE, Modelled, Models, add_opinions
from learners.ensemble.scored import UNDECIDED, Nearest, Scored, Seen
from learners.ensemble.shortlist import MANY, shortlist, with_missed
from learners.ensemble.sleeping import Sleepers
from learners.memory import SILENCE, Rehearsal
from learners.neighbors import NOBODY, NearestNeighbours
from learners.preprocessing import Directions, StandardScaler
from learners.tree import HoeffdingAdaptiveTree

TREE_SIZE = 8.0
"""Memory of the tree's statistics, MiB: 220 leaves at 14 labels and 100 features; it fills up early."""
BUT_TREE = np.array([name != "tree" for name in PART_TIME])
"""Which of the part-time experts are also asked where only a shortlist is scored."""
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
    mixture would hardly miss them, after 2,000 messages at the earliest: see `Sleepers`. Of 900 labels and
    more a shortlist is scored and taught, the rest have probability 0, and the tree sleeps: see `shortlist`.
    Silent labels are kept: the neighbours' windows spare their messages, with at most every third message the
    linear experts and the ridge regressions rehearse one from a memory, and their absence teaches the mixture
    nothing; see `Slots`, `Rehearsal`. The mixture rehearses in `recall` alone, or it would follow the past.

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
        return self._compute(x, UNDECIDED).every()

    def predict(self, x: Vector) -> Prediction:
        """Return the label-set that the rule chose, and the mixture's probabilities."""
        scored = self._compute(x)
        return Prediction(scored.decided.labels, scored.every(), computed=self._computed(scored))

    def clusters_of(self, labels: Ids) -> list[int]:
        """Return the ids of some labels' clusters, ascending; labels that never occurred have none."""
        owners = self._clusters.owners()
        return sorted(set(owners[labels[labels < len(owners)]].tolist()))

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
        scored = self._scored(x, prediction)
        known, asked = targets.among(scored.listed), scored.seen.asked
        if targets.complete:
            if self._sleepers.measured(self._messages):
                self._sleepers.learn(self._mixture.values(scored.mixed, known.positive, asked), asked)
            self._decision.learn(scored.decided, targets)
        if self._memory is not None:
            known = self._memory.without_silent(known, scored.size, scored.listed)
        # Not of missed labels: added because they are true, they would teach it that the unlikely is likely.
        self._mixture.learn(scored.mixed, known)
        modelled = self._modelled(x, scored, targets.positive)
        self._count(x)
        self._teach(scored.seen, modelled, x, targets)
        self._rehearse(x, targets)
        self.changes = self._clusters.learn_named(targets.positive, self.label_space)

    def _compute(self, x: Vector, decided: Decided | None = None) -> Scored:
        """Score the labels, of many only a shortlist; without a decision given, make one."""
        seen, listed = self._look(x), None
        labels = seen.labels
        if seen.logits is not None:
            # New ones are left out, so that whether they were known at the prediction makes no difference.
            labels, others = self._priors.counted, (each.ids for each in seen.near)
            listed = shortlist(seen.logits[:labels], *others, self._previous.labels)
        said, mixed = self._opinions(x, seen, listed)
        if decided is None:
            decided = self._decide(mixed.probabilities, seen.near, labels, listed)
        return Scored(seen, said, mixed, decided)

    def _scored(self, x: Vector, prediction: Prediction | None) -> Scored:
        """Return what a prediction was computed from, if it can be learned from, or compute it."""
        scored: Scored | None = self._reusable(prediction)
        if scored is None or (scored.listed is None and scored.seen.labels < len(self.label_space)):
            return self._compute(x)
        return scored

    def _modelled(self, x: Vector, scored: Scored, true: Ids) -> Modelled:
        """Return what the models say of the scored labels, and of true ones that the shortlist missed."""
        seen, said = scored.seen, scored.modelled
        if seen.logits is None or said.listed is None:
            return said
        every, missed = with_missed(said.listed, true)
        if not len(missed):
            return said
        # Of new labels nothing but the prior is known.
        logits = np.append(seen.logits, self._priors.logits()[seen.labels :])
        more = self._models.ask(x, seen.views, missed, logits, ridge_scaled=said.ridge_scaled)
        return said.joined(more, missed, every)

    def _look(self, x: Vector) -> Seen:
        views, asked = self._directions.views(x), self._sleepers.asked(self._messages)
        logits = self._logits(views.direction)
        if logits is not None:
            # Of so many labels the tree's memory holds few leaves, or one alone.
            asked = asked & BUT_TREE
        _, standard_asked, tree_asked = asked.tolist()
        near: Nearest = (self._near_angle.nearest(views.direction),)
        near += (self._near_standard.nearest(views.standard),) if standard_asked else ()
        tree = self._tree.predict(x) if tree_asked else None
        return Seen(len(self.label_space), views, asked, near, logits, self._priors.shared(), tree)

    def _logits(self, direction: Vector) -> Vector | None:
        """Return the first expert's log-odds of all labels, where only a shortlist is scored."""
        return self._models.linear.logits(direction) if len(self.label_space) >= MANY else None

    def _opinions(self, x: Vector, seen: Seen, listed: Ids | None) -> tuple[Modelled, Mixed]:
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
            said.scores[TREE] = seen.tree.scores
        return said, self._mixture.mix(said.scores, seen.asked, listed)

    def _decide(self, probabilities: Vector, near: Nearest, labels: int, listed: Ids | None) -> Decided:
        # Labels that have not occurred yet have no cluster; 0 stands for it.
        owners = grown(self._clusters.owners(), labels)[:labels]
        return self._decision.decide(probabilities, near, self._previous.labels, owners, listed)

    def _teach(self, seen: Seen, modelled: Modelled, x: Vector, targets: Targets) -> None:
        views, tree = seen.views, seen.tree
        self._models.teach(modelled, x, targets)
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
            scored = self._compute(x)
            self._memory.judge(slot, scored.decided.labels)
            said = self._modelled(x, scored, targets.positive)
        else:
            views = self._directions.views(x)
            logits = self._logits(views.direction)
            listed = None if logits is None else shortlist(logits, targets.positive, most=CONFUSABLE)
            ridge_scaled = bool(self._sleepers.asked(self._messages)[0])
            said = self._models.ask(x, views, listed, logits, ridge_scaled=ridge_scaled)
        self._models.teach(said, x, targets)

    def recall(self, x: Vector, targets: Targets) -> Vector:
        """See `Learner.recall`: the mixture learns from what the experts say."""
        scored = self._compute(x, UNDECIDED)
        self._mixture.learn(scored.mixed, targets.among(scored.listed), RECALLED)
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
