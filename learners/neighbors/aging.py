"""Nearest neighbours that age, and are rejuvenated where they were right: ARkNN."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Arrays, Floats, Ids, State, Values, Vector, check_number, compiled, fields, grown
from learners.core import MAX_LABELS, Learner, Prediction, Targets, filled, packed, unpacked
from learners.neighbors.ranges import ranges, within

AGING = 0.995
"""What is left of a message's fitness, and of the running score, after one more message."""
DEAD = 0.001
"""Fitness below which a message leaves."""
NOBODY = Targets(np.zeros(0, dtype=np.intp))


class AgingNeighbours(Learner):
    """The k nearest messages vote, weighted by likeness and by a fitness that age takes and success gives.

    Fitness is 1 at first and falls with every message. A neighbour that was asked and had exactly the
    message's labels gains 1 - r, any other loses r, where r is the running share of messages whose labels
    were predicted exactly; so messages that mislead leave early and useful ones stay. Where the window is
    full, the message of least fitness leaves. Likeness is the cosine of vectors whose features are scaled to
    the range they have among the messages kept, 0 included; a missing value counts as 0, one beyond the range
    as its end. A value that alone is more than a thousand times as large as all others widens no range.

    A baseline: on emotions, yeast and scene every score is below that of `ihomer`.

    Parameters
    ----------
    k
        Neighbours that vote, at least 1. With 1 the vote is noisy; with too many, rare labels are outvoted.
    window
        Most messages kept, at least `k`. Time and memory grow with it; beyond some 1,000 nothing is gained,
        since a message that is never asked is gone after 1,400.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = AgingNeighbours(k=1)
    >>> learner.learn_one({"wind": 9.0, "sun": 0.0}, {"storm": True, "beach": False})
    >>> learner.learn_one({"wind": 1.0, "sun": 8.0}, {"storm": False, "beach": True})
    >>> learner.predict_one({"wind": 7.0, "sun": 1.0})
    {'storm': True, 'beach': False}

    References
    ----------
    Roseberry, Džeroski, Bifet and Cano, "Aging and rejuvenating strategies for fading windows in multi-label
    classification on data streams", SAC 2023; the details but the ranges are those of
    the authors' program.
    """

    state_fields = fields(Arrays("_vectors", cut="_features"), Arrays("_fitness"), Values("_exact", "_asked"))

    def __init__(self, k: int = 3, window: int = 500, max_labels: int = MAX_LABELS) -> None:
        check_number(self, "k", k, int, 1)
        check_number(self, "window", window, int, k)
        self.k = k
        self.window = window
        super().__init__(max_labels)
        # One row per feature; a column is a message, all 0 and with fitness 0 if there is none.
        self._vectors: Vector = np.zeros((0, window), dtype=np.float32)
        self._fitness: Floats = np.zeros(window)
        self._targets = [NOBODY] * window
        self._exact = self._asked = 0.0

    def score(self, x: Vector) -> Vector:
        """Return each label's share of the vote, among the neighbours that know it; shape (L,)."""
        return self.predict(x).scores

    def predict(self, x: Vector) -> Prediction:
        """Return the labels with at least half of the vote."""
        near, weights = self._nearest(x)
        yes, known = (np.zeros(len(self.label_space)) for _ in range(2))
        for place, weight in zip(near.tolist(), weights.tolist(), strict=True):
            said = self._targets[place]
            yes[said.positive] += weight
            if said.negative is None:
                known += weight
            else:
                known[said.positive] += weight
                known[said.negative] += weight
        share = np.minimum(yes / np.where(known > 0.0, known, 1.0), 1.0).astype(np.float32)
        return Prediction(np.flatnonzero(share >= 0.5), share, computed=self._computed(near))

    def learn(self, x: Vector, targets: Targets) -> None:
        """See `learn_predicted`."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """Judge the neighbours that were asked, let all messages age, and keep this one."""
        if prediction is None or not self.holds(prediction):
            prediction = self.predict(x)
        near, alive = self._reusable(prediction), self._fitness > 0.0
        usual = self._exact / self._asked if self._asked else 0.0
        right = np.array([_agrees(self._targets[place].positive, targets) for place in near.tolist()])
        self._fitness[near] = np.clip(self._fitness[near] + right - usual, 0.0, 1.0)
        self._exact = AGING * self._exact + _agrees(prediction.labels, targets)
        self._asked = AGING * self._asked + 1.0
        self._fitness *= AGING
        dead = alive & (self._fitness < DEAD)
        self._fitness[dead] = 0.0
        self._vectors[:, dead] = 0.0
        self._keep(filled(x), targets)

    def _keep(self, x: Vector, targets: Targets) -> None:
        self._count(x)
        self._vectors = grown(self._vectors, len(x))
        place = int(self._fitness.argmin())
        self._vectors[:, place] = 0.0
        self._vectors[: len(x), place] = x
        self._fitness[place] = 1.0
        self._targets[place] = targets

    def _nearest(self, x: Vector) -> tuple[Ids, Floats]:
        """Return the places of the messages nearest to a vector, nearest first, and their weights."""
        distances = np.full(self.window, np.inf)
        of = ranges(self._vectors[: self._features])
        _distances(self._vectors, *of, filled(x), self._fitness, distances)
        near = np.argsort(distances, kind="stable")[: self.k]
        near = near[np.isfinite(distances[near])]
        return near, self._fitness[near] * (2.0 - distances[near])

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; the messages stay, without the labels that leave."""
        super().forget(labels)
        self._targets = [each.without(labels) for each in self._targets]

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | packed(self._targets)

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._targets = unpacked(state)


def _agrees(labels: Ids, targets: Targets) -> bool:
    """Return whether labels are exactly a message's, as far as those are known."""
    if targets.negative is None:
        return np.array_equal(labels, targets.positive)
    return bool(np.isin(targets.positive, labels).all()) and not np.isin(targets.negative, labels).any()


@compiled
def _distances(
    vectors: Vector, low: Vector, high: Vector, x: Vector, fitness: Floats, distances: Floats
) -> None:
    """Fill in 1 - cosine between a vector and each message, with features scaled to their ranges."""
    products, squares, square = np.zeros(len(fitness)), np.zeros(len(fitness)), 0.0
    for feature in range(len(low)):
        least, spread = np.float64(low[feature]), np.float64(high[feature]) - np.float64(low[feature])
        if spread == 0.0:
            continue
        own = x[feature] if feature < len(x) else np.float32(0.0)
        a = (within(own, low[feature], high[feature]) - least) / spread
        square += a * a
        for place in range(len(fitness)):
            b = (within(vectors[feature, place], low[feature], high[feature]) - least) / spread
            products[place] += a * b
            squares[place] += b * b
    for place in range(len(fitness)):
        if fitness[place] > 0.0:
            size = math.sqrt(square * squares[place])
            distances[place] = 1.0 - products[place] / size if size > 0.0 else 1.0
