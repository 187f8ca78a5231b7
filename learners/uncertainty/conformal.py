"""Conformal label sets with a wanted coverage, and their combination with abstention.

Neither assumes a stationary stream: both are corrected by outcomes, message by message. A prediction is
judged by the set and the rejection that were given with it, even if its true labels come much later.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Parametrised, Parts, Values, Vector, check_number, compiled, fields
from learners.core import LabelSpace, Prediction, Targets
from learners.uncertainty.abstention import Abstention, sureness
from learners.uncertainty.sliding import Sliding

LARGEST_SET = 100
"""Most labels in a set. Where more would be needed coverage is lost, which the statistics show."""
NO_CHANCE = -1.0
"""Stands for the probability of a label that had no score, or whose score was not kept."""
STATISTICS_WINDOW = 1000
"""Number of latest messages that the statistics cover."""


class ConformalSets(Parametrised):
    """Online conformal label sets: all true labels lie in the set for a wanted share of the messages.

    The conformity score of a message is the probability of its least likely true label. The set holds every
    label whose probability is at least a quantile of the latest scores. After each message the quantile's
    level is corrected by the outcome, so that coverage stays as wanted under drift: over n messages it is off
    by at most (1 + rate) / (rate n), for any stream whose true labels have probabilities. A label never seen
    before is in no set; it counts as a miss, for which later sets become larger.

    Parameters
    ----------
    coverage
        Wanted share of messages whose true labels are all in the set, in [0.01, 0.999]. The closer to 1, the
        larger the sets.
    rate
        Step size of the level's correction, in (0, 1]. Too slow and coverage stays off for long after a
        drift; too fast and sets alternate between no label and all labels.
    window
        Messages that the quantile covers, at least 10. Too few make it coarse, too many slow to follow drift.

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
        """Return the least probability of a label in the set: above 1 for an empty set, 0 for all labels."""
        if not len(self._usual) or self._level >= 1.0:
            return 0.0
        return max(0.0, self._usual.reached_by(self._level)) if self._level > 0.0 else np.inf

    def learn(self, usual: float) -> None:
        """Take in a message's score: the probability of its least likely true label, or `NO_CHANCE`.

        1 stands for a message without labels, which every set covers.
        """
        # By the present quantile: with late labels, errors of past quantiles would be corrected repeatedly.
        covered = usual >= self.least()
        level = self._level + self.rate * (self.coverage - covered)
        # Misses that no set could have covered must not be offset by hundreds of far too large sets.
        self._level = min(max(level, -self.rate), 1.0 + self.rate)
        self._usual.add(usual)


class Confidence(NamedTuple):
    """The uncertainty of a prediction, given together with it.

    Parameters
    ----------
    best, scores
        Ids of the most probable labels, best first, and their probabilities: all labels of the set, and more
        for judging it later. Shape (n,).
    size
        Number of them that are in the conformal set.
    reject
        Whether the prediction is rejected, because it is not sure enough.
    sureness
        The log-probability that decided the rejection; see `sureness`.
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

    def still_held(self, space: LabelSpace, admitted: int) -> Confidence:
        """Return the confidence without labels that have left the space since `admitted`."""
        if space.admitted == admitted or not space.left:
            return self
        kept = space.still(self.best, admitted)
        size = int(np.count_nonzero(kept[: self.size]))
        return self._replace(best=self.best[kept], scores=self.scores[kept], size=size)


@dataclasses.dataclass(frozen=True)
class ConfidenceStatistics:
    """Outcomes of the latest messages whose labels are known, at most 1,000 of each kind.

    Parameters
    ----------
    messages
        Number of these messages; before the first the other figures are 0.
    coverage, target
        Share of them whose true labels were all in the set given with the prediction; and the wanted share.
    rejected
        Share of the predictions that were rejected, of those whose labels are known completely.
    error
        Share of wrong label sets among the latest ones that were not rejected; 0 before the first.
    """

    messages: int
    coverage: float
    target: float
    rejected: float
    error: float


class Conformal(Parametrised):
    """Conformal sets and abstention for one learner's predictions.

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
        self.coverage = coverage
        self.error = error
        self.sets = ConformalSets(coverage)
        self.abstention = Abstention(error)
        self._covered, self._rejected, self._wrong = (
            Sliding(STATISTICS_WINDOW),
            Sliding(STATISTICS_WINDOW),
            Sliding(STATISTICS_WINDOW),
        )

    def judge(self, prediction: Prediction, keep: int) -> Confidence:
        """Return the uncertainty of a prediction, with at least `keep` of the most probable labels."""
        size = min(int(np.count_nonzero(prediction.scores >= self.sets.least())), LARGEST_SET)
        best, scores = prediction.best(max(size, keep))
        sure = sureness(prediction)
        return Confidence(best, scores, size, self.abstention.rejects(sure), sure)

    def learn(self, predicted: Ids, said: Confidence, targets: Targets) -> None:
        """Take in a message's outcome: what was predicted, the uncertainty given with it, the true labels.

        Messages with incomplete labels are judged by their known labels, and do not count for errors.
        """
        found, least, covered, wrong = _outcome(
            said.best, said.scores, said.size, predicted, targets.positive
        )
        if len(targets.positive) or targets.complete:
            self.sets.learn(least if found == len(targets.positive) else NO_CHANCE)
            self._covered.add(float(covered))
        if targets.complete:
            self.abstention.learn(said.sureness, wrong)
            self._rejected.add(float(said.reject))
            if not said.reject:
                self._wrong.add(float(wrong))

    def statistics(self) -> ConfidenceStatistics:
        """Return the frozen statistics."""
        return ConfidenceStatistics(
            messages=len(self._covered),
            coverage=self._covered.share(1.0),
            target=self.sets.coverage,
            rejected=self._rejected.share(1.0),
            error=self._wrong.share(1.0),
        )


@compiled
def _outcome(
    best: Ids, scores: Vector, size: int, predicted: Ids, true: Ids
) -> tuple[int, float, bool, bool]:
    """Return what came of a prediction; `predicted` and `true` ascend.

    How many of the true labels are among the best ones, the least of their probabilities (1 without any),
    whether the first `size` of the best hold all true ones, and whether other labels were predicted.
    """
    found, least, held = 0, 1.0, 0
    for place in range(len(best)):
        at = np.searchsorted(true, best[place])
        if at < len(true) and true[at] == best[place]:
            found += 1
            least = min(least, np.float64(scores[place]))
            held += place < size
    return found, least, held == len(true), not np.array_equal(predicted, true)
