"""Scores of predictions in a taxonomy: a wrong leaf under the right branch is half right.

Predicted and true labels are extended by their ancestors. Labels that are unknown for a message are not
counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from drift.core import Arrays, Ids, Stateful, Values, fields, grown
from learners.core import Targets
from learners.hierarchy import NONE, Taxonomy
from learners.metrics.f1 import f1


@dataclasses.dataclass(frozen=True)
class HierarchicalScores:
    """Scores over every message so far; all are 0 before the first one.

    Parameters
    ----------
    messages
        Messages scored.
    precision, recall, f1
        Hierarchical, over all messages together: |P ∩ T| / |P|, |P ∩ T| / |T| and their harmonic mean, where
        P and T are predicted and true labels with their ancestors.
    example_f1
        Mean over messages of 2|P ∩ T| / (|P| + |T|); 1 where both are empty.
    levels
        F1 of the labels of each level, roots first.
    coherence
        Share of the messages in which every predicted label came with its parent, before ancestors are
        added.
    strict_recall
        Of the true labels below the roots, the share that was predicted, together with every label above
        it, before ancestors are added: strict parent accuracy.
    """

    messages: int
    precision: float
    recall: float
    f1: float
    example_f1: float
    levels: tuple[float, ...]
    coherence: float
    strict_recall: float


class Hierarchical(Stateful):
    """Hierarchical scores of a stream of predictions, each made before its message was learned.

    Examples
    --------
    >>> taxonomy = Taxonomy(["energy/crude", "energy/gas"])
    >>> scores = Hierarchical()
    >>> scores.update(taxonomy.ids(["energy/gas"]), taxonomy.targets(["energy/crude"]), taxonomy)
    >>> scores.summary().levels, scores.summary().f1, scores.summary().coherence
    ((1.0, 0.0), 0.5, 0.0)

    References
    ----------
    .. [1] S. Kiritchenko, S. Matwin and A. F. Famili, "Functional annotation of genes using hierarchical text
       categorization", 2005: hierarchical precision and recall.
    .. [2] R. Plaud et al., "Revisiting Hierarchical Text Classification: Inference and Metrics", CoNLL 2024.
    """

    state_fields = fields(
        Arrays("_levels", cut="_depth"), Arrays("_strict"), Values("_messages", "_coherent", "_example_f1")
    )

    def __init__(self) -> None:
        self._levels = np.zeros((0, 3), dtype=np.int64)  # hits, predicted, actual
        self._depth = 0
        self._strict = np.zeros(2, dtype=np.int64)  # hits, actual
        self._messages = 0
        self._coherent = 0
        self._example_f1 = 0.0

    def update(self, predicted: Ids, targets: Targets, taxonomy: Taxonomy) -> None:
        """Score the predicted labels (live ids) of one message."""
        bare, truth = set(predicted.tolist()), set(targets.positive.tolist())
        closed = {each for label in bare for each in taxonomy.ancestors(label)}
        actual = {each for label in truth for each in taxonomy.ancestors(label)}
        scored = closed if targets.negative is None else closed & (actual | set(targets.negative.tolist()))
        hits = scored & actual
        for column, labels in enumerate((hits, scored, actual)):
            for label in labels:
                self._count(taxonomy.level(label), column)
        below = [label for label in actual if taxonomy.parent(label) != NONE]
        self._strict += (sum(bare.issuperset(taxonomy.ancestors(label)) for label in below), len(below))
        self._coherent += bare == closed
        self._example_f1 += f1(len(hits), len(scored), len(actual))
        self._messages += 1

    def _count(self, level: int, column: int) -> None:
        self._levels = grown(self._levels, level + 1)
        self._depth = max(self._depth, level + 1)
        self._levels[level, column] += 1

    def summary(self) -> HierarchicalScores:
        """Return the scores so far."""
        hits, predicted, actual = self._levels.sum(axis=0).tolist()
        return HierarchicalScores(
            messages=self._messages,
            precision=_ratio(hits, predicted),
            recall=_ratio(hits, actual),
            f1=f1(hits, predicted, actual, nothing=0.0),
            example_f1=_ratio(self._example_f1, self._messages),
            levels=tuple(f1(*level, nothing=0.0) for level in self._levels[: self._depth].tolist()),
            coherence=_ratio(self._coherent, self._messages),
            strict_recall=_ratio(*self._strict.tolist()),
        )


def anytime_area(messages: Sequence[float], scores: Sequence[float]) -> float:
    """Return the mean of a score's curve over the messages, the normalised area under it (A_AUC).

    Between two points the curve is a straight line. With fewer than two points it is the last score, or 0.

    Examples
    --------
    >>> anytime_area([100, 200, 400], [0.0, 1.0, 1.0])
    0.8333333333333334

    References
    ----------
    .. [1] H. Koh, D. Kim, J.-W. Ha and J. Choi, "Online continual learning on class incremental blurry task
       configuration with anytime inference", ICLR 2022.
    """
    if len(messages) < 2:
        return scores[-1] if scores else 0.0
    return float(np.trapezoid(scores, messages) / (messages[-1] - messages[0]))


def forgetting(scores: Sequence[float]) -> float:
    """Return how far a score on the same messages has fallen from its maximum, at least 0.

    Examples
    --------
    >>> round(forgetting([0.5, 0.9, 0.8]), 3), forgetting([])
    (0.1, 0.0)
    """
    return max(scores) - scores[-1] if scores else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
