"""Logistic regression on very many sparse features, in bounded memory."""

from __future__ import annotations

import dataclasses

import numpy as np

from drift.core import Arrays, Ids, Parts, State, Values, Vector, check_number, fields, grown
from learners.core import MAX_LABELS, Prediction, Statistics, Targets, sparse_part
from learners.dummy import PriorBased
from learners.linear_model.laplace import LARGEST_VARIANCE, errors
from learners.linear_model.logistic import sigmoid
from learners.linear_model.sparse_rows import (
    ENTRY,
    ROOM,
    SIZE,
    Entries,
    Ints,
    add_logits,
    compact,
    copy_weights,
    in_use,
    learned,
    places,
    step,
)
from learners.linear_model.threshold import MicroF1Threshold

LEAST_ROWS = 8
"""Places per label that are always allowed, whatever `max_size` is: rows with an entry for every label."""
KEPT = 0.4
"""Share of the memory that is in use after it was exhausted: the largest weights are kept."""


@dataclasses.dataclass(frozen=True)
class SparseStatistics(Statistics):
    """What `SparseLogisticRegression.statistics` returns: the common figures, and what memory was used for.

    Parameters
    ----------
    weights
        Pairs of a feature and a label that have a weight.
    dropped
        Weights that were given up for want of memory, in all.
    """

    weights: int
    dropped: int


class SparseLogisticRegression(PriorBased):
    """Binary relevance on a vector's sparse part: a weight for each word with each label, and its variance.

    Each weight has a Gaussian posterior, as in `AdaptiveLogisticRegression`. Only pairs of a feature and a
    label that were once in doubt together have a weight, so memory grows with what the stream has taught, not
    with dimensions times labels. The logit starts from the label's running frequency. One threshold for all
    labels is tuned online for micro-F1. A vector without a sparse part serves as its own, scaled to length 1.

    Parameters
    ----------
    variance
        Prior variance of a weight, in (0, 1000000]: how far one message may move it. Meant for vectors of
        length 1. Too small learns rare labels slowly, too large lets single messages decide.
    forgetting
        Share of a variance's shrinking that is undone whenever its weight is updated, in [0, 1]: with 0
        learning ends, and much above 0.01 it never converges.
    max_size
        Memory of the weights in MiB, above 0, in addition to 12 bytes per feature: the default 64 has places
        for 5.6 million pairs. When it is used up, the pairs with the smallest weights are dropped. If too
        small, rare words are forgotten, and a message takes longer. Compaction needs twice the memory.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Attributes
    ----------
    dropped
        Weights dropped so far.

    Examples
    --------
    >>> learner = SparseLogisticRegression()
    >>> for n in range(20):
    ...     windy = n % 2 == 0
    ...     learner.learn_one({"wind": float(windy), "sun": float(not windy)}, {"storm": windy})
    >>> learner.predict_one({"wind": 1.0}), learner.predict_one({"sun": 1.0})
    ({'storm': True}, {'storm': False})

    References
    ----------
    Spiegelhalter and Lauritzen, "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 1990: the Laplace step. Langford, Li and Zhang, "Sparse online learning via
    truncated gradient", JMLR 2009: dropping small weights.
    """

    state_fields = fields(Arrays("_rows", "_intercept"), Values("_used", "dropped"), Parts("_threshold"))

    def __init__(
        self,
        variance: float = 300.0,
        forgetting: float = 0.005,
        max_size: float = 64.0,
        max_labels: int = MAX_LABELS,
    ) -> None:
        check_number(self, "variance", variance, float, 0, LARGEST_VARIANCE, open_low=True)
        check_number(self, "forgetting", forgetting, float, 0, 1)
        check_number(self, "max_size", max_size, float, 0, open_low=True)
        self.variance = variance
        self.forgetting = forgetting
        self.max_size = max_size
        super().__init__(max_labels=max_labels)
        self._threshold = MicroF1Threshold()
        # One row per feature, and the rows' entries; a row that outgrows its places moves to the end.
        self._rows: Ints = np.zeros((0, 3), dtype=np.int32)
        self._entries: Entries = np.zeros(0, dtype=ENTRY)
        self._used = self.dropped = 0
        self._filled: Ids | None = None  # Rows with entries, for many new labels; None after each update.
        # Weights and sums of expected squared gradients.
        self._intercept: Vector = np.zeros((2, 0), dtype=np.float32)

    def score(self, x: Vector, labels: Ids | None = None) -> Vector:
        """Return one probability per label, shape (n,): of some (ids), or of all where None, the default."""
        logits = self._priors.logits().copy()
        add_logits(*sparse_part(x), self._rows, self._entries, self._intercept, logits)
        return sigmoid(logits if labels is None else logits[labels])

    def predict(self, x: Vector) -> Prediction:
        """Return the labels whose probability reaches the threshold, and all probabilities."""
        scores = self.score(x)
        return Prediction(np.flatnonzero(scores >= self._threshold.value), scores)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Take one Laplace step for each label with an error above the tolerance, and tune the threshold."""
        scores = self.score(x)
        if targets.complete:
            self._threshold.learn(scores, targets.positive, len(targets.positive))
        self.update(x, scores, targets)

    def update(self, x: Vector, scores: Vector, targets: Targets) -> None:
        """Learn all but the threshold from the scores that `score` gave for the same vector, shape (L,)."""
        self._count(x)
        self._filled = None
        part, error = sparse_part(x), errors(scores, *targets)
        # Indices ascend.
        self._rows = grown(self._rows, int(part.indices[-1]) + 1 if len(part.indices) else 0)
        self._intercept = grown(self._intercept, 2, len(error))
        done, precision, keep = 0, np.float32(1.0 / self.variance), np.float32(1.0 - self.forgetting)
        doubted, steps, curvatures, where = learned(
            *(*part, scores, error, precision, self._rows, self._entries, self._intercept)
        )
        while done < len(part.indices):
            done, self._used = step(
                *(*part, done, doubted, steps, curvatures, where, precision, keep),
                *(self._rows, self._entries, self._used),
            )
            if done < len(part.indices):
                self._make_room(len(error))
                where = places(part.indices, doubted, self._rows, self._entries)
        self._learn_priors(x, targets)

    def _make_room(self, labels: int) -> None:
        """Compact the rows, into more memory or, when it is used up, without the smallest weights."""
        most = max(int(self.max_size * 2**20) // ENTRY.itemsize, LEAST_ROWS * labels)
        size = min(most, max(2 * len(self._entries), LEAST_ROWS * labels))
        weights = np.abs(self._entries["weight"][in_use(self._rows, len(self._entries))])
        kept = int(KEPT * most) if size == len(self._entries) else len(weights)
        # Equal weights are dropped together: otherwise there might be no room.
        bound = np.partition(weights, -kept - 1)[-kept - 1] if len(weights) > kept else np.float32(-1.0)
        fresh = np.zeros(size, dtype=ENTRY)
        self._used = compact(self._rows, self._entries, bound, fresh)
        self._entries = fresh
        self.dropped += len(weights) - int(self._rows[:, SIZE].sum())

    def statistics(self) -> SparseStatistics:
        """Return the frozen statistics; see `SparseStatistics`."""
        figures, weights = dataclasses.asdict(super().statistics()), int(self._rows[:, SIZE].sum())
        return SparseStatistics(**figures, weights=weights, dropped=self.dropped)

    def inherit(self, label: int, parent: int, prior: float) -> None:
        """See `Learner.inherit`; the weights are the parent's."""
        super().inherit(label, parent, prior)
        self._intercept = grown(self._intercept, 2, len(self.label_space))
        self._intercept[0, label] = self._intercept[0, parent]
        if self._filled is None:
            self._filled = np.flatnonzero(self._rows[:, SIZE])
        where, done = (self._filled, self._rows), 0
        while done < len(self._filled):
            done, self._used = copy_weights(parent, label, done, *where, self._entries, self._used)
            if done < len(self._filled):
                self._make_room(len(self.label_space))

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        self._intercept[:, labels[labels < self._intercept.shape[1]]] = 0.0
        # As new: weights of 0 are the first to be dropped.
        gone = np.flatnonzero(np.isin(self._entries["label"][: self._used], labels))
        self._entries["weight"][gone] = self._entries["square"][gone] = 0.0

    def state(self) -> State:
        """See `Learner.state`."""
        labels, rows = len(self.label_space), int(np.flatnonzero(self._rows[:, ROOM]).max(initial=-1)) + 1
        return super().state() | {
            "rows": self._rows[:rows],
            "intercept": grown(self._intercept, 2, labels)[:, :labels],
            "capacity": len(self._entries),
            "entries": {name: self._entries[name][: self._used] for name in ENTRY.names or ()},
        }

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._filled = None
        self._entries = np.zeros(state["capacity"], dtype=ENTRY)
        for name in ENTRY.names or ():
            self._entries[name][: self._used] = state["entries"][name]
