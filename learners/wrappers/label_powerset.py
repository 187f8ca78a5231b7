"""Label powersets: label-sets as the classes of one river classifier, or only the frequent label-sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from river.base import Classifier

from drift.core import Vector, check_number
from learners.core import Prediction, Targets
from learners.wrappers.river_models import Features, RiverLearner, finite

Labelset = tuple[int, ...]

SUBSETS = 2
"""Maximum number of frequent subsets that replace a rare label-set."""


class LabelPowerset(RiverLearner):
    """One river classifier whose classes are the label-sets seen so far.

    The predicted label-set is the most probable class; a label's score is the sum over the classes that
    contain it. A label-set that appears late is a new class. A label that a message leaves unknown is learned
    as predicted. Classes are never dropped, so memory grows with the distinct label-sets.

    Parameters
    ----------
    model
        A classifier of many classes. With a Hoeffding tree this is close to the multi-label Hoeffding tree
        of [1]_: each leaf predicts its majority label-set. What differs is the split criterion, which here
        is the gain of information on whole label-sets, not on each label: more classes, fewer splits.
    allow_pickle
        See `RiverLearner`.

    Examples
    --------
    >>> from river.tree import HoeffdingTreeClassifier
    >>> learner = LabelPowerset(HoeffdingTreeClassifier())
    >>> learner.learn_one({"wet": 1}, {"rain": True, "sun": False, "bow": False})
    >>> learner.learn_one({"wet": 1}, {"rain": True, "sun": True, "bow": True})
    >>> learner.learn_one({"wet": 1}, {"rain": True, "sun": True, "bow": True})
    >>> learner.predict_one({"wet": 1})
    {'rain': True, 'sun': True, 'bow': True}

    References
    ----------
    .. [1] J. Read et al., "Scalable and efficient multi-label classification for evolving data streams",
       Machine Learning 88, 2012.
    """

    pickled: ClassVar[tuple[str, ...]] = ("_model", "_classes")

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        from river import tree

        yield {"model": tree.HoeffdingTreeClassifier()}

    def __init__(self, model: Classifier, allow_pickle: bool = False) -> None:
        self.model = model
        super().__init__(allow_pickle)

    def _begin(self) -> None:
        self._model = self.model.clone()
        self._classes: dict[Labelset, int] = {}

    def score(self, x: Vector) -> Vector:
        """Return each label's probability, shape (L,): that of all label-sets with it."""
        return self.predict(x).scores

    def predict(self, x: Vector) -> Prediction:
        """Return the most probable label-set, of equal ones the first seen, and the labels' scores."""
        weights = self._weights(self._asked(x))
        scores = np.zeros(len(self.label_space), dtype=np.float64)
        for labelset, weight in weights.items():
            scores[list(labelset)] += weight
        best = max(weights, key=weights.__getitem__, default=())
        # Rounding may raise a sum of probabilities above 1.
        return Prediction(np.array(best, dtype=np.intp), np.minimum(scores, 1.0).astype(np.float32))

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn the message's label-set."""
        positive = targets.dense(len(self.label_space))
        if not targets.complete:
            guess = Targets(self.predict(x).labels).dense(len(positive))
            positive = np.where(targets.unknown(len(positive)), guess, positive)
        features = self._taught(x)
        self._learn_set(features, tuple(np.flatnonzero(positive).tolist()))

    def _weights(self, features: Features) -> dict[Labelset, float]:
        """Return label-sets' probabilities, in the order in which the sets appeared."""
        if not self._classes:
            return {}
        chances = self._model.predict_proba_one(features)
        weights = {labelset: finite(chances.get(each, 0.0)) for labelset, each in self._classes.items()}
        total = sum(weights.values())
        return {labelset: weight / total for labelset, weight in weights.items()} if total > 0 else {}

    def _learn_set(self, features: Features, labelset: Labelset) -> None:
        self._model.learn_one(features, self._classes.setdefault(labelset, len(self._classes)))


class PrunedSets(LabelPowerset):
    """A label powerset whose rare label-sets are replaced by their frequent subsets.

    The first messages only fill a buffer and are counted; until it is full, the majority label-set is
    predicted. Then the buffered messages are learned at once and later ones singly. Counting continues: a
    label-set that stops being rare becomes a class. A rare label-set is learned as at most two frequent
    subsets of it, those with the most labels, of equal ones the most frequent; without any it is skipped.

    Parameters
    ----------
    model
        See `LabelPowerset`.
    buffer
        Messages counted before the first one is learned, at least 0. Too few and every label-set looks
        rare at first, too many and nothing is learned of the features for long.
    rare
        Label-sets seen at most that often are rare, at least 0; 0 prunes nothing.
    allow_pickle
        See `RiverLearner`.

    Examples
    --------
    >>> from river.tree import HoeffdingTreeClassifier
    >>> learner = PrunedSets(HoeffdingTreeClassifier(), buffer=3)
    >>> for sun in (False, False, True):
    ...     learner.learn_one({"wet": 1}, {"rain": True, "sun": sun})
    >>> learner.predict_proba_one({"wet": 1})["sun"][True]
    0.0

    References
    ----------
    .. [1] J. Read et al., "Multi-label classification using ensembles of pruned sets", ICDM 2008.
    .. [2] J. Read et al., "Scalable and efficient multi-label classification for evolving data streams",
       Machine Learning 88, 2012.
    """

    pickled: ClassVar[tuple[str, ...]] = ("_model", "_classes", "_counts", "_buffer")

    def __init__(
        self, model: Classifier, buffer: int = 1000, rare: int = 1, allow_pickle: bool = False
    ) -> None:
        check_number(self, "buffer", buffer, int, 0)
        check_number(self, "rare", rare, int, 0)
        self.buffer = buffer
        self.rare = rare
        super().__init__(model, allow_pickle)

    def _begin(self) -> None:
        super()._begin()
        self._counts: dict[Labelset, int] = {}
        self._buffer: list[tuple[Features, Labelset]] = []

    def _weights(self, features: Features) -> dict[Labelset, float]:
        if self._messages >= self.buffer:
            return super()._weights(features)
        total = sum(self._counts.values())
        return {labelset: count / total for labelset, count in self._counts.items()}

    def _learn_set(self, features: Features, labelset: Labelset) -> None:
        self._counts[labelset] = self._counts.get(labelset, 0) + 1
        self._buffer.append((features, labelset))
        if self._messages >= self.buffer:
            for waiting, its_labelset in self._buffer:
                for taught in self._pruned(its_labelset):
                    super()._learn_set(waiting, taught)
            self._buffer = []

    def _pruned(self, labelset: Labelset) -> list[Labelset]:
        """Return the label-set itself where it is frequent, else the frequent subsets that replace it."""
        if self._counts[labelset] > self.rare:
            return [labelset]
        frequent = (kept for kept, count in self._counts.items() if kept and count > self.rare)
        subsets = [kept for kept in frequent if set(kept) < set(labelset)]
        return sorted(subsets, key=lambda kept: (-len(kept), -self._counts[kept]))[:SUBSETS]
