"""Multi-label learning for label spaces up to a million: score a shortlist of labels, not all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Ids, Mask, Parts, State, Vector, check_number, fields, grown
from learners.core import Learner, Prediction, Statistics, Targets
from learners.extreme.device import choose_device
from learners.extreme.exact_batch import ExactBatch
from learners.extreme.hard_negatives import Scored, teach
from learners.extreme.label_tree import LabelTree
from learners.extreme.micro_batch import inputs_of
from learners.extreme.shortlist_batch import ShortlistBatch
from learners.extreme.tree_level import NOWHERE
from learners.linear_model import MicroF1Threshold, sigmoid, with_intercept
from learners.preprocessing import unit

MISSES_BEFORE_REHANGING = 2
"""Consecutive misses of a label by the shortlist after which it is hung elsewhere in the tree."""
BASE_RATE_DECAY = 0.999
"""Decay per message of the counts that determine a new label's first intercept."""


@dataclasses.dataclass(frozen=True)
class ExtremeStatistics(Statistics):
    """The common figures, and the shape and recall of the shortlist.

    Parameters
    ----------
    height
        Number of node levels between the root and the labels; 0 in exact mode.
    nodes
        Nodes in all.
    missed
        Share of the previously known true labels that the shortlist lacked recently.
    """

    height: int
    nodes: int
    missed: float


class ExtremeClassifier(Learner):
    """One-versus-rest over a shortlist: a tree of classifiers finds the few labels worth scoring.

    A beam search descends a B+-tree of nodes, each with a classifier and the centroid of the labels below it:
    half of the beam takes the most probable nodes, half the nearest. Only labels under the best leaves are
    scored. Learning updates the same rows: the positives and the nodes above them are positive examples,
    other rows with high scores are hard negatives, mined by the shortlist itself. So a message costs O(d beam
    fanout log L). The tree grows label by label: a new label is hung under the leaf whose centroid is nearest
    to its first message, over-full nodes are divided by 2-means of the vectors of their children, and a label
    that the shortlist keeps missing is hung elsewhere.

    It is a tree of features, not of co-occurrence like `Clusters`: a shortlist must be found from the vector
    alone, contain labels that have not occurred with others, and be bounded in depth.

    Node classifiers learn from errors and so forget rare labels; centroids do not. Recall depends on how
    nodes are divided. Classifiers point away from their neighbours, so dividing by their weights separates
    similar labels: the shortlist held 98, 76 and 60 % of labels seen once among 1,000, 10,000 and 100,000.
    Divided by the vectors themselves, it holds 98 % or more, also among a million
    (`tests.benchmarks.extreme`).
    A listed label need not be predicted: one message teaches a label little.

    Vectors are scaled to length 1; it is meant for dense ones from an encoder, of 128 to 1,024 features. A
    label takes 4 (d + 1) bytes of weights, 2 d for its vector in the tree (none in exact mode) and, beside
    its name, some 60 more: a million labels at d = 256 come to about 1.5 GiB. Arrays grow by doubling, so for
    a moment there are two copies, and a message that needs more capacity waits for the copying. Predictions
    list the shortlist's labels (`Prediction.scored`); all others have probability 0.

    Parameters
    ----------
    rate
        Initial step size of a label's classifier, in (0, inf). If too small, a label is not recognised after
        one message; if too large, its scores fluctuate.
    node_rate
        The same for the nodes' classifiers: large, as a leaf must remember single messages of rare labels.
    fanout
        Most labels in a leaf and children of a node, at least 3. With few, the tree is deep and errors near
        the root are costly; with many, a message is expensive.
    beam
        Nodes expanded at each height, at least 1. A narrow beam misses labels, above all where messages carry
        many; cost grows with it.
    exact
        True scores every label (O(L d) per message): the reference for the shortlist.
    micro_batch
        Messages, at least 1, that are predicted with the same weights and then learned in one step. With 1,
        each is learned before the next is predicted. Many make use of a device: it is waited for once for
        many messages. But a message does not gain from the `micro_batch` - 1 before it, and new labels appear
        as late. Predictions name as trained through only what has been learned. In exact mode they list the
        64 best labels, and a step takes some MiB of errors per 1,000 labels. With a shortlist, new labels
        are hung message by message within a step, and are negatives of its other messages: keep it small
        there. On a planted stream of 1,000 labels P@1 was 0.821 with 1, 0.808 with 16 and 0.509 with 256.
    device
        "auto" (a CUDA device where there is one), "cpu" or "cuda". Only weights and their products are on it;
        the beam search waits for it once per height. Results differ in the last bits.

    Raises
    ------
    ValueError
        For a parameter out of range, or "cuda" without a CUDA device.

    Examples
    --------
    >>> learner = ExtremeClassifier(device="cpu")
    >>> for _ in range(5):
    ...     learner.learn_one({"wheat": 1.0}, {"grain": True})
    ...     learner.learn_one({"crude": 1.0}, {"oil": True})
    >>> learner.predict_one({"wheat": 1.0})
    {'grain': True, 'oil': False}

    References
    ----------
    Dahiya et al., "NGAME: negative mining-aware mini-batching for extreme classification", WSDM 2023.
    Prabhu et al., "Parabel: partitioned label trees for extreme classification", WWW 2018.
    You et al., "AttentionXML: label tree-based attention-aware deep model", NeurIPS 2019.
    Gupta et al., "Dual-encoders for extreme multi-label classification", ICLR 2024: the decoupled softmax
    loss. On a planted stream it ranked no better than the logistic loss, which gives probabilities as well.
    """

    state_fields = fields(
        Parts("_tree", "_threshold"), Arrays("_seen", "_misses", cut="_labels"), Arrays("_base", "_recall")
    )

    def __init__(
        self,
        rate: float = 4.0,
        node_rate: float = 16.0,
        fanout: int = 64,
        beam: int = 16,
        exact: bool = False,
        micro_batch: int = 1,
        device: str = "auto",
    ) -> None:
        check_number(self, "rate", rate, float, 0, open_low=True)
        check_number(self, "node_rate", node_rate, float, 0, open_low=True)
        check_number(self, "fanout", fanout, int, 3)
        check_number(self, "beam", beam, int, 1)
        check_number(self, "micro_batch", micro_batch, int, 1)
        self.rate = rate
        self.node_rate = node_rate
        self.fanout = fanout
        self.beam = beam
        self.exact = exact
        self.micro_batch = micro_batch
        self.device = device
        super().__init__()
        where = choose_device(device, self)
        together = micro_batch > 1 and where.type == "cuda"
        self._tree = LabelTree(where, rate, node_rate, fanout, beam, together)
        self._threshold = MicroF1Threshold()
        self._batch = self._new_batch() if micro_batch > 1 else None
        self._seen: Mask = np.zeros(0, dtype=np.bool_)
        self._misses: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        self._labels = 0
        # Decayed: true and scored labels; true labels known before, and those the shortlist lacked.
        self._base = np.array([1.0, 10.0])
        self._recall = np.zeros(2)

    def _new_batch(self) -> ExactBatch | ShortlistBatch:
        if self.exact:
            return ExactBatch(self._tree.levels[0].rows, self._threshold, self.micro_batch)
        return ShortlistBatch(self._tree, self._threshold, self.micro_batch)

    # Predicting -------------------------------------------------------------------------------------

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,), 0 outside the shortlist; writing it costs O(L)."""
        scores = np.zeros(len(self.label_space), dtype=np.float32)
        prediction = self.predict(x)
        assert prediction.scored is not None
        scores[prediction.scored] = prediction.scores
        return scores

    def predict(self, x: Vector) -> Prediction:
        """Return the shortlist's labels above the threshold, and its scores."""
        if self._batch is not None:
            return self.predict_many([x])[0]
        route = self._route(with_intercept(unit(x)))
        shortlist = route[0]
        probabilities = sigmoid(shortlist.logits)
        chosen = shortlist.ids[probabilities >= self._threshold.value]
        return Prediction(chosen, probabilities, shortlist.ids, self._computed(route))

    def predict_many(self, xs: Sequence[Vector]) -> list[Prediction]:
        """See `Learner.predict_many`."""
        if self._batch is None:
            return super().predict_many(xs)
        inputs = inputs_of(xs)
        routes = self._batch.route(inputs, self._seen[: self._labels])
        shortlists = [route[0] for route in routes]
        ends = np.cumsum([len(shortlist.ids) for shortlist in shortlists])
        together = sigmoid(np.concatenate([shortlist.logits for shortlist in shortlists]))
        probabilities, least = np.split(together, ends[:-1]), self._threshold.value
        work = [self._computed(pair) for pair in zip(inputs, routes, strict=True)]
        return [
            Prediction(ids[scores >= least], scores, ids, each)
            for (ids, *_), scores, each in zip(shortlists, probabilities, work, strict=True)
        ]

    @property
    def unlearned(self) -> int:
        """See `Learner.unlearned`."""
        return 0 if self._batch is None else len(self._batch)

    @property
    def predictable(self) -> int:
        """See `Learner.predictable`."""
        return self.micro_batch - self.unlearned

    def _route(self, inputs: Vector) -> list[Scored]:
        if not self.exact:
            return self._tree.route(inputs)
        ids = np.flatnonzero(self._seen[: self._labels])
        return [Scored(ids, self._tree.levels[0].rows.products(None, inputs)[ids])]

    # Learning ---------------------------------------------------------------------------------------

    def learn(self, x: Vector, targets: Targets) -> None:
        """Update the positives and, for a complete message, the hard negatives of the shortlist."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """See `Learner.learn_predicted`."""
        if self._batch is not None:
            self._add(self._batch, x, targets, self._reusable(prediction))
            return
        inputs = with_intercept(unit(x))
        route: list[Scored] = self._reusable(prediction) or self._route(inputs)
        self._count(x)
        self._reserve(len(inputs))
        positive = targets.positive
        new, known = positive[~self._seen[positive]], positive[self._seen[positive]]
        found = route[0].find(known)[1]
        self._admit(new)
        self._teach(route[0], targets, inputs)
        if not self.exact:
            self._recall = self._recall * BASE_RATE_DECAY + (len(known), len(known) - found.sum())
            self._tree.hang(new, route, inputs)
            self._rehang(known, found, route, inputs)
            self._tree.lead(route, positive, inputs, targets.complete)

    def _add(
        self,
        batch: ExactBatch | ShortlistBatch,
        x: Vector,
        targets: Targets,
        computed: tuple[Vector, list[Scored]] | None,
    ) -> None:
        """Add a message to the micro-batch, and learn that when it is complete."""
        self._messages += 1
        self._features = max(self._features, len(x))
        inputs, route = computed or (with_intercept(unit(x)), None)
        if batch.add(inputs, targets, route):
            self._changed()
            self._learn_together(batch)
            batch.clear()

    def _learn_together(self, batch: ExactBatch | ShortlistBatch) -> None:
        routes = batch.routes() if isinstance(batch, ShortlistBatch) else []
        self._reserve(batch.columns)
        known = [each.positive[self._seen[each.positive]] for each in batch.targets]
        positive = np.unique(np.concatenate([each.positive for each in batch.targets]))
        new = positive[~self._seen[positive]]
        self._admit(new)
        seen = self._seen[: self._labels]
        scored = [len(shortlist.ids) for shortlist, *_ in routes] or [int(seen.sum())] * len(batch)
        sizes = zip(batch.targets, scored, strict=True)
        counts = [(len(each.positive), size) for each, size in sizes if each.complete]
        decay = BASE_RATE_DECAY ** np.arange(len(counts), -1, -1.0)
        self._base = decay @ np.array([self._base, *counts])
        if isinstance(batch, ExactBatch):
            batch.step(seen)
        else:
            batch.step(seen, new)
            self._grow(batch, known)

    def _grow(self, batch: ShortlistBatch, known: list[Ids]) -> None:
        """Hang the labels of a micro-batch message by message, then teach the nodes above them."""
        tree, routes, grown_yet = self._tree, batch.routes(), False
        matrix = batch.matrix(tree.levels[0].rows.columns)
        for route, targets, labels, inputs in zip(routes, batch.targets, known, matrix, strict=True):
            found = route[0].find(labels)[1]
            self._recall = self._recall * BASE_RATE_DECAY + (len(labels), len(labels) - found.sum())
            new = targets.positive[tree.levels[0].parents[targets.positive] == NOWHERE]
            if len(new):
                # After others of the micro-batch, another leaf may be nearer.
                tree.hang(new, tree.route(inputs) if grown_yet else route, inputs)
                grown_yet = True
            self._rehang(labels, found, route, inputs)
        tree.lead_together(routes, batch.targets, matrix)

    def _reserve(self, columns: int) -> None:
        self._labels = len(self.label_space)
        self._tree.reserve(self._labels, columns)
        self._seen = grown(self._seen, self._labels)
        self._misses = grown(self._misses, self._labels)

    def _admit(self, labels: Ids) -> None:
        """Start the classifiers of labels that are positive for the first time at the base rate of labels."""
        intercept = math.log(self._base[0] / self._base[1])
        self._tree.levels[0].rows.put(labels, np.array([intercept], dtype=np.float32))
        self._seen[labels] = True

    def _teach(self, shortlist: Scored, targets: Targets, inputs: Vector) -> None:
        """Update the labels' classifiers; from an incomplete message, only those that it names."""
        positive, rows = targets.positive, self._tree.levels[0].rows
        if targets.negative is None:
            places, found = shortlist.find(positive)
            self._threshold.learn(sigmoid(shortlist.logits), places[found], len(positive))
            self._base = self._base * BASE_RATE_DECAY + (len(positive), len(shortlist.ids))
            teach(rows, shortlist, positive, inputs)
        else:
            negative = targets.negative[self._seen[targets.negative]]
            teach(rows, Scored(negative, rows.products(negative, inputs)), positive, inputs)

    def _rehang(self, labels: Ids, found: Mask, route: list[Scored], inputs: Vector) -> None:
        """Hang labels elsewhere that the shortlist has missed too often."""
        self._misses[labels] = np.where(found, 0, self._misses[labels] + 1)
        for label in labels[self._misses[labels] >= MISSES_BEFORE_REHANGING].tolist():
            self._misses[label] = 0
            self._tree.rehang(label, route, inputs)

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | ({} if self._batch is None else {"batch": self._batch.state()})

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        if self._batch is not None:
            self._batch.load_state(state["batch"])

    def statistics(self) -> ExtremeStatistics:
        """Return a frozen account; see `ExtremeStatistics`."""
        nodes = [0] if self.exact else [len(level) for level in self._tree.levels[1:]]
        asked, missed = self._recall.tolist()
        return ExtremeStatistics(
            **dataclasses.asdict(super().statistics()),
            height=0 if self.exact else len(nodes),
            nodes=sum(nodes),
            missed=missed / asked if asked else 0.0,
        )
