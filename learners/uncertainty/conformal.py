"""Label sets that hold the true labels as often as asked for, and a "don't know" that keeps errors rare.

Neither assumes that the stream stands still: both follow what came true, message by message. What was said
with a prediction is what it is judged by, also when its true labels come much later.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Parts, Stateful, Values, Vector, fields
from learners.core import Prediction, Targets, check_number
from learners.uncertainty.abstention import Abstention, sureness
from learners.uncertainty.sliding import Sliding

LARGEST_SET = 100
"""Most labels in a set. Where more would be needed coverage is lost, and says so."""
NO_CHANCE = -1.0
"""Stands for the probability of a label that had none, or that nobody has kept."""
STATISTICS_WINDOW = 1000
"""Messages that the statistics look back on."""


class ConformalSets(Stateful):
    """Online conformal label sets: all true labels lie in the set for a wanted share of the messages.

    A message is as usual as the least likely of its true labels. The set holds every label that is at least
    as likely as a quantile of the last messages. After each message the quantile's level is corrected by
    what happened, so that the share covered stays where it should while the stream drifts: over n messages
    it is off by at most (1 + rate) / (rate n), whatever comes. A label never seen before is in no set; it
    counts as a miss, for which other sets become larger.

    Parameters
    ----------
    coverage
        Wanted share of messages whose true labels are all in the set, in [0.01, 0.999]. The closer to 1, the
        larger the sets.
    rate
        How fast the level is corrected, in (0, 1]. Too slow and coverage stays off for long after a drift;
        too fast and sets swing between nothing and everything.
    window
        Messages that the quantile looks back on, at least 10. Too few make it coarse, too many old-fashioned.

    Examples
    --------
    >>> sets = ConformalSets(coverage=0.8)
    >>> for n in range(50):
    ...     sets.learn([0.9, 0.4][n % 2])
    >>> round(sets.least(), 2)
    0.4

    References
    ----------
    .. [1] I. Gibbs and E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
    """

    state_fields = fields(Values("_level"), Parts("_usual"))

    def __init__(self, coverage: float = 0.9, rate: float = 0.03, window: int = 1000) -> None:
        check_number(self, "coverage", coverage, float, 0.01, 0.999)
        check_number(self, "rate", rate, float, 0, 1, open_low=True)
        check_number(self, "window", window, int, 10)
        self.coverage = coverage
        self.rate = rate
        self.window = window
        self._level = coverage
        self._usual = Sliding(window)

    def least(self) -> float:
        """Return the probability from which on a label is in the set: above 1 where none is, 0 for all."""
        if not len(self._usual) or self._level >= 1.0:
            return 0.0
        return max(0.0, self._usual.reached_by(self._level)) if self._level > 0.0 else np.inf

    def learn(self, usual: float) -> None:
        """Take in a message: the probability of the least likely of its true labels, or `NO_CHANCE`.

        1 stands for a message without labels, which every set covers.
        """
        # By the rule of today: labels may come so late that the rule of then would be corrected for ever.
        covered = usual >= self.least()
        level = self._level + self.rate * (self.coverage - covered)
        # What no set could have covered must not be made good by hundreds of far too large ones.
        self._level = min(max(level, -self.rate), 1.0 + self.rate)
        self._usual.add(usual)


class Confidence(NamedTuple):
    """How sure a prediction is, said together with it.

    Parameters
    ----------
    best, scores
        Ids of the likeliest labels, best first, and their probabilities: all of the set, and more to judge
        it by. Shape (n,).
    size
        How many of them are in the conformal set.
    reject
        Whether the predicted labels should not be relied on.
    sureness
        What that was decided by.
    """

    best: Ids
    scores: Vector
    size: int
    reject: bool
    sureness: float

    @property
    def labels(self) -> Ids:
        """Ids of the labels that cannot be excluded, best first. Shape (size,)."""
        return self.best[: self.size]


@dataclasses.dataclass(frozen=True)
class ConfidenceStatistics:
    """How the last messages turned out whose labels are known, 1,000 of each kind at most.

    Parameters
    ----------
    messages
        How many that are; before the first the other figures are 0.
    coverage, target
        Share of them whose true labels were all in the set said with the prediction; and the share wanted.
    rejected
        Share of the predictions that were rejected, of those whose labels are known completely.
    error
        Share of wrong label-sets among the last ones that were not rejected; 0 before the first.
    """

    messages: int
    coverage: float
    target: float
    rejected: float
    error: float


class Conformal(Stateful):
    """Both for one learner's predictions: label sets with a wanted coverage, and a wanted error rate.

    Parameters
    ----------
    coverage
        See `ConformalSets`.
    error
        See `Abstention`.

    Examples
    --------
    >>> conformal = Conformal()
    >>> prediction = Prediction(np.array([0]), np.array([0.9, 0.2], dtype=np.float32))
    >>> for _ in range(40):
    ...     said = conformal.judge(prediction, keep=10)
    ...     conformal.learn(prediction.labels, said, Targets(np.array([0])))
    >>> said.labels, said.reject
    (array([0]), False)
    """

    state_fields = fields(Parts("sets", "abstention", "_covered", "_rejected", "_wrong"))

    def __init__(self, coverage: float = 0.9, error: float = 0.1) -> None:
        self.sets = ConformalSets(coverage)
        self.abstention = Abstention(error)
        self._covered, self._rejected, self._wrong = (
            Sliding(STATISTICS_WINDOW),
            Sliding(STATISTICS_WINDOW),
            Sliding(STATISTICS_WINDOW),
        )

    def judge(self, prediction: Prediction, keep: int) -> Confidence:
        """Return how sure a prediction is, with `keep` of the likeliest labels at least."""
        size = min(int(np.count_nonzero(prediction.scores >= self.sets.least())), LARGEST_SET)
        best, scores = prediction.best(max(size, keep))
        sure = sureness(prediction)
        return Confidence(best, scores, size, self.abstention.rejects(sure), sure)

    def learn(self, predicted: Ids, said: Confidence, targets: Targets) -> None:
        """Take in what came true of a message, of which this was predicted and said.

        Messages whose labels are not complete are judged by the labels they are known to have, and say
        nothing of errors.
        """
        true = set(targets.positive.tolist())
        if true or targets.complete:
            kept = zip(said.best.tolist(), said.scores.tolist(), strict=True)
            chances = [score for label, score in kept if label in true]
            self.sets.learn(min(chances, default=1.0) if len(chances) == len(true) else NO_CHANCE)
            self._covered.add(float(true.issubset(said.labels.tolist())))
        if targets.complete:
            wrong = true != set(predicted.tolist())
            self.abstention.learn(said.sureness, wrong)
            self._rejected.add(float(said.reject))
            if not said.reject:
                self._wrong.add(float(wrong))

    def statistics(self) -> ConfidenceStatistics:
        """Return a frozen account."""
        return ConfidenceStatistics(
            messages=len(self._covered),
            coverage=self._covered.share(1.0),
            target=self.sets.coverage,
            rejected=self._rejected.share(1.0),
            error=self._wrong.share(1.0),
        )
