"""Learning from labels of which some were left out: what is not named is neither a yes nor quite a no."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Parts, Stateful, Values, fields
from learners.core import Prediction
from learners.uncertainty.sliding import Sliding

SUREST_SHARE = 0.03
"""Share of the predictions, the surest, that tell how many labels are left out: these should all be right."""
SUREST_WINDOW = 1000
"""Predictions among which they are the surest."""
COUNT_DECAY = 0.9995
"""What a count keeps of itself at each message: about the last two thousand count."""
ASSUMPTION_WEIGHT = 5.0
"""Messages that the assumption weighs as much as that nothing is left out."""
NOT_CORRECTED = 1.0 - 1e-6
"""Dividing and multiplying by the same number does not always give the first one back."""
LEAST_NAMED = 0.05
"""Least share of the labels that is believed to be named: no probability grows more than twentyfold."""


class PositiveUnlabelled(Stateful):
    """Corrects probabilities for labels that messages do not name, though they carry them.

    A learner that takes what is not named for a no learns P(named | x). Where a label is named with the
    same chance c whenever it is there, that is c P(label | x): dividing by c gives the probability that is
    wanted. Nothing is learned from guesses of the learner's own, so none can confirm themselves.

    The chance c is followed online. Where predictions are surest, they should be right; of these the share
    that is named tells c. Messages whose labels are complete tell how right they really are, and how often
    such messages are; where all are complete nothing is corrected.

    Examples
    --------
    >>> partial = PositiveUnlabelled()
    >>> unsure = Prediction(np.array([], dtype=np.intp), np.array([0.4, 0.1], dtype=np.float32))
    >>> for n in range(400):
    ...     said = partial.corrected(unsure)
    ...     partial.learn(said, np.array([0, 1] if n % 5 < 3 else [1]), complete=False)
    >>> round(partial.named(), 1)
    0.6
    >>> said.labels
    array([0])

    References
    ----------
    C. Elkan and K. Noto, "Learning classifiers from only positive and unlabeled data", KDD 2008.
    """

    state_fields = fields(Parts("_surest"), Arrays("_right", "_asked"), Values("_partial", "_messages"))

    def __init__(self) -> None:
        self._surest = Sliding(SUREST_WINDOW)
        # Of messages that are not complete, and of complete ones: the surest predictions, and those right.
        self._right = np.zeros(2)
        self._asked = np.zeros(2)
        self._partial = self._messages = 0.0

    def named(self) -> float:
        """Return the chance that a label of a message is named, in (0, 1]."""
        if not self._partial:
            return 1.0
        partial, complete = (self._right + ASSUMPTION_WEIGHT) / (self._asked + ASSUMPTION_WEIGHT)
        named = min(max(float(partial / complete), LEAST_NAMED), 1.0)
        return 1.0 - self._partial / self._messages * (1.0 - named)

    def corrected(self, prediction: Prediction) -> Prediction:
        """Return a prediction of what is named as one of what is there: with labels that are likely now."""
        named = self.named()
        if named == 1.0:
            return prediction
        scores = np.minimum(prediction.scores / np.float32(named), np.float32(1.0))
        likely = np.flatnonzero(scores >= 0.5)
        found = likely if prediction.scored is None else prediction.scored[likely]
        return Prediction(np.union1d(prediction.labels, found), scores, prediction.scored)

    def learn(self, prediction: Prediction, named: Ids, complete: bool) -> None:
        """Take in which labels a message names, whether these are all, and its corrected prediction."""
        best, score = prediction.best(1)
        # As the learner said it: what it was divided by has changed, and must not look like being less sure.
        raw = float(score[0]) * self.named() if len(best) else 0.0
        self._partial = self._partial * COUNT_DECAY + (not complete)
        self._messages = self._messages * COUNT_DECAY + 1.0
        self._right *= COUNT_DECAY
        self._asked *= COUNT_DECAY
        if not len(best):
            return
        self._surest.add(raw)
        if score[0] >= 1.0 or raw >= self._surest.reached_by(SUREST_SHARE) * NOT_CORRECTED:
            self._asked[int(complete)] += 1.0
            self._right[int(complete)] += best[0] in named
