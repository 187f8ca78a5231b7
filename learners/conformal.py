"""Label sets that hold the true labels as often as asked for, and a "don't know" that keeps errors rare.

Neither assumes that the stream stands still: both follow what came true, message by message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.base import Prediction, State, Vector
from learners.labels import Ids, Targets
from learners.parameters import check_number

Known = NDArray[np.float64]
ALWAYS = 0.02
"""Share of the messages, the surest, that are never rejected: without answers nothing could be learned."""


class Recent:
    """The last values of a figure, for quantiles and ranks.

    Parameters
    ----------
    window
        Values kept, at least 10.
    """

    def __init__(self, window: int) -> None:
        self._values: Known = np.zeros(window)
        self._count = 0

    def __len__(self) -> int:
        """Return how many values are kept."""
        return min(self._count, len(self._values))

    def add(self, value: float) -> None:
        """Keep one value in place of the oldest."""
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def quantile(self, share: float) -> float:
        """Return the least value that at least a share, in (0, 1], of the kept ones do not exceed."""
        place = max(0, int(np.ceil(share * len(self))) - 1)
        return float(np.partition(self._values[: len(self)], place)[place])

    def rank(self, value: float) -> float:
        """Return the share of the kept values that a value exceeds; 1 where none is kept."""
        return float(np.count_nonzero(self._values[: len(self)] < value) / len(self)) if len(self) else 1.0

    def mean(self) -> float:
        """Return the mean of the kept values; 0 where none is kept."""
        return float(self._values[: len(self)].mean()) if len(self) else 0.0

    def state(self) -> State:
        """Return the values; see `Learner.state`."""
        return {"values": self._values[: len(self)], "count": self._count}

    def load_state(self, state: State) -> None:
        """Take over what `state` of an equal window returned."""
        self._values[: len(state["values"])] = state["values"]
        self._count = state["count"]


class ConformalSets:
    """Online conformal label sets: all true labels lie in the set for a wanted share of the messages.

    A message is as unusual as the least likely of its true labels, 1 - min P(label). The set holds every
    label that is no more unusual than a quantile of the last messages. After each message the quantile's
    level is corrected by what happened, so that the share covered stays where it should while the stream
    drifts: over n messages it is off by at most (1 + rate) / (rate n), whatever comes. A label never seen
    before is in no set; it counts as a miss, for which other sets become larger.

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
    >>> scores = np.array([0.9, 0.4, 0.1], dtype=np.float32)
    >>> for n in range(50):
    ...     sets.learn(scores, Targets(np.array([n % 2])))
    >>> sets.labels(scores)
    array([0, 1])

    References
    ----------
    .. [1] I. Gibbs and E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
    """

    def __init__(self, coverage: float = 0.9, rate: float = 0.03, window: int = 1000) -> None:
        check_number(self, "coverage", coverage, float, 0.01, 0.999)
        check_number(self, "rate", rate, float, 0, 1, open_low=True)
        check_number(self, "window", window, int, 10)
        self.coverage = coverage
        self.rate = rate
        self.window = window
        self._level = coverage
        self._unusual = Recent(window)
        self._covered = Recent(window)

    def labels(self, scores: Vector) -> Ids:
        """Return the ids of the labels that cannot be excluded, for probabilities of shape (L,)."""
        return np.flatnonzero(1.0 - scores.astype(np.float64) <= self._bound())

    def learn(self, scores: Vector, targets: Targets) -> None:
        """Take in what came true of a message that had these probabilities, shape (L,)."""
        if not targets.complete and not len(targets.positive):
            return
        known = targets.positive[targets.positive < len(scores)]
        # Labels that had no probability yet are as unusual as can be, and beyond every bound.
        new = len(known) < len(targets.positive)
        unusual = 2.0 if new else 1.0 - float(scores[known].min(initial=1.0))
        covered = unusual <= self._bound()
        self._level += self.rate * (self.coverage - covered)
        self._unusual.add(min(unusual, 1.0))
        self._covered.add(float(covered))

    def recent_coverage(self) -> float:
        """Return the share of the last messages that were covered; 0 before the first."""
        return self._covered.mean()

    def _bound(self) -> float:
        """Return how unusual a label of the set may be."""
        if not len(self._unusual) or self._level >= 1.0:
            return 1.0
        return self._unusual.quantile(self._level) if self._level > 0.0 else -1.0

    def state(self) -> State:
        """Return the level and what it is a level of; see `Learner.state`."""
        return {
            "level": self._level,
            "unusual": self._unusual.state(),
            "covered": self._covered.state(),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._level = state["level"]
        self._unusual.load_state(state["unusual"])
        self._covered.load_state(state["covered"])


class Abstention:
    """Rejects the least sure predictions, as many as it takes for the others to be wrong only so often.

    A prediction is as sure as its label-set would be likely if labels were independent. Which share is
    rejected follows the errors among those that were not.

    Parameters
    ----------
    error
        Wanted share of wrong label-sets among the predictions that are not rejected, in [0, 1]. Where the
        learner cannot be that good, nearly everything is rejected.
    rate
        How fast the share follows errors, in (0, 1].
    window
        Predictions that a new one is compared with, at least 10.

    References
    ----------
    .. [1] C. K. Chow, "On optimum recognition error and reject tradeoff", 1970; the controller is that of
       Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
    """

    def __init__(self, error: float = 0.1, rate: float = 0.02, window: int = 1000) -> None:
        check_number(self, "error", error, float, 0, 1)
        check_number(self, "rate", rate, float, 0, 1, open_low=True)
        check_number(self, "window", window, int, 10)
        self.error = error
        self.rate = rate
        self.window = window
        self._level = 0.0
        self._sureness = Recent(window)

    def rejects(self, prediction: Prediction) -> bool:
        """Return whether a prediction is among the least sure."""
        return self._sureness.rank(sureness(prediction)) < self._level

    def learn(self, prediction: Prediction, targets: Targets) -> None:
        """Take in what came true; messages whose labels are not complete say too little."""
        if not targets.complete:
            return
        if not self.rejects(prediction):
            wrong = not np.array_equal(prediction.labels, targets.positive)
            self._level += self.rate * (wrong - self.error)
            self._level = min(max(self._level, 0.0), 1.0 - ALWAYS)
        self._sureness.add(sureness(prediction))

    def state(self) -> State:
        """Return the share rejected and what it is a share of; see `Learner.state`."""
        return {"level": self._level, "sureness": self._sureness.state()}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._level = state["level"]
        self._sureness.load_state(state["sureness"])


class Confidence(NamedTuple):
    """How sure a prediction is.

    Parameters
    ----------
    labels
        Ids of the labels that cannot be excluded, ascending. Shape (k,).
    reject
        Whether the predicted labels should not be relied on.
    """

    labels: Ids
    reject: bool


class Conformal:
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
    >>> conformal.judge(prediction)
    Confidence(labels=array([0, 1]), reject=False)
    """

    def __init__(self, coverage: float = 0.9, error: float = 0.1) -> None:
        self.sets = ConformalSets(coverage)
        self.abstention = Abstention(error)

    def judge(self, prediction: Prediction) -> Confidence:
        """Return how sure a prediction is."""
        return Confidence(
            self.sets.labels(_whole(prediction).scores), self.abstention.rejects(_whole(prediction))
        )

    def learn(self, prediction: Prediction, targets: Targets) -> None:
        """Take in what came true of a message that was predicted so."""
        whole = _whole(prediction)
        self.sets.learn(whole.scores, targets)
        self.abstention.learn(whole, targets)

    def state(self) -> State:
        """Return all that was followed; see `Learner.state`."""
        return {"sets": self.sets.state(), "abstention": self.abstention.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.sets.load_state(state["sets"])
        self.abstention.load_state(state["abstention"])


def _whole(prediction: Prediction) -> Prediction:
    """Return a prediction with a score for every label; those of a shortlist's other labels are 0."""
    if prediction.scored is None:
        return prediction
    scores = np.zeros(int(prediction.scored.max(initial=-1)) + 1, dtype=np.float32)
    scores[prediction.scored] = prediction.scores
    return Prediction(prediction.labels, scores)


def sureness(prediction: Prediction) -> float:
    """Return the logarithm of the chance that a label-set is right if labels were independent.

    Examples
    --------
    >>> round(float(np.exp(sureness(Prediction(np.array([0]), np.array([0.9, 0.5], dtype=np.float32))))), 3)
    0.45
    """
    right = 1.0 - prediction.scores.astype(np.float64)
    right[prediction.labels] = prediction.scores[prediction.labels]
    return float(np.log(np.clip(right, 1e-6, 1.0)).sum())
