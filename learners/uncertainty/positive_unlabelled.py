"""Learning from incomplete labels: a label that is not named may be absent or left out."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Parts, Stateful, Values, fields
from learners.core import Prediction
from learners.uncertainty.sliding import Sliding

SUREST_SHARE = 0.03
"""Share of the predictions, the surest, that c is estimated from: nearly all of them should be right."""
SUREST_WINDOW = 1000
"""Number of latest predictions among which the surest are selected."""
COUNT_DECAY = 0.9995
"""Decay of all counts per message: an effective 2,000 messages."""
ASSUMPTION_WEIGHT = 5.0
"""Weight, in messages, of the prior assumption that no labels are left out."""
NOT_CORRECTED = 1.0 - 1e-6
"""Relative tolerance of comparisons: dividing and multiplying by c may not restore a probability exactly."""
LEAST_NAMED = 0.05
"""Lower bound of c: no probability is multiplied by more than 20."""


class PositiveUnlabelled(Stateful):
    """Corrects probabilities for labels that messages do not name, though they carry them.

    A learner that treats unnamed labels as negative learns P(named | x). If labels are named with constant
    probability c where they apply (selected completely at random), that is c P(label | x): dividing by c
    gives the wanted one. Nothing is learned from the learner's own guesses, so none can confirm themselves.

    c is estimated online. The surest predictions should be right; the share of them that is named estimates
    c. Messages with complete labels show how often such predictions are right, and how many messages are
    complete; where all are, nothing is corrected.

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
        # For incomplete and for complete messages: surest predictions that were right, and all of them.
        self._right = np.zeros(2)
        self._asked = np.zeros(2)
        self._partial = self._messages = 0.0

    def named(self) -> float:
        """Return the probability that a label of a message is named, in (0, 1]."""
        if not self._partial:
            return 1.0
        partial, complete = (self._right + ASSUMPTION_WEIGHT) / (self._asked + ASSUMPTION_WEIGHT)
        named = min(max(float(partial / complete), LEAST_NAMED), 1.0)
        return 1.0 - self._partial / self._messages * (1.0 - named)

    def corrected(self, prediction: Prediction) -> Prediction:
        """Turn a prediction of named labels into one of labels that apply, adding those now likely."""
        named = self.named()
        if named == 1.0:
            return prediction
        scores = np.minimum(prediction.scores / np.float32(named), np.float32(1.0))
        likely = np.flatnonzero(scores >= 0.5)
        found = likely if prediction.scored is None else prediction.scored[likely]
        return prediction._replace(labels=np.union1d(prediction.labels, found), scores=scores)

    def learn(self, prediction: Prediction, named: Ids, complete: bool) -> None:
        """Take in the labels that a message names, whether these are all, and its corrected prediction."""
        best, score = prediction.best(1)
        # The uncorrected probability: the divisor changes, which must not look like a change of sureness.
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
            self._right[int(complete)] += int(best[0]) in named.tolist()
