"""The previous message's labels: the baseline that no learner may lose to on a sorted stream."""

from __future__ import annotations

import numpy as np

from learners.base import Learner, State, Vector
from learners.growth import grown
from learners.labels import Targets


class PreviousLabels(Learner):
    """Predict that nothing has changed: the labels are those of the message before.

    What a message leaves unknown stays as it was.

    Examples
    --------
    >>> learner = PreviousLabels()
    >>> learner.learn_one({}, {"rain": True, "snow": False})
    >>> learner.learn_one({}, {"rain": False, "snow": True})
    >>> learner.predict_one({})
    {'rain': False, 'snow': True}

    References
    ----------
    .. [1] I. Žliobaitė et al., "Evaluation methods and decision theory for classification of streaming
       data with temporal dependence", Machine Learning 98, 2015: the no-change classifier.
    """

    def __init__(self) -> None:
        super().__init__()
        self._previous = np.zeros(0, dtype=np.float32)

    def score(self, x: Vector) -> Vector:
        """Return 1 for each label of the previous message, else 0; the vector is not looked at."""
        del x
        size = len(self.label_space)
        return grown(self._previous, size)[:size].copy()

    def learn(self, x: Vector, targets: Targets) -> None:
        """Remember one message's labels."""
        self._count(x)
        self._previous = grown(self._previous, len(self.label_space))
        self._previous[slice(None) if targets.negative is None else targets.negative] = 0.0
        self._previous[targets.positive] = 1.0

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {"previous": self._previous}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._previous = np.array(state["previous"], dtype=np.float32)
