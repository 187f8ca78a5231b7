"""Label priors: how often each label has occurred lately, whatever the features say."""

from __future__ import annotations

import numpy as np

from learners.base import Learner, State, Vector
from learners.growth import grown
from learners.labels import Targets
from learners.parameters import check_number


class LabelPriors(Learner):
    """Exponentially decayed frequency of each label: the floor that features have to beat.

    A label's score is its decayed count of positives over the decayed count of messages since it was
    first seen that said yes or no to it.

    Parameters
    ----------
    half_life
        Messages after which an occurrence counts half, at least 1. Too short and scores jitter with
        every message; too long and a label that fades is believed for that long.

    Examples
    --------
    >>> learner = LabelPriors()
    >>> learner.learn_one({"a": 1.0}, {"rain": True, "snow": False})
    >>> learner.predict_one({"a": 0.0})
    {'rain': True, 'snow': False}
    """

    def __init__(self, half_life: float = 2000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        super().__init__()
        self._positive = np.zeros(0)
        self._known = np.zeros(0)

    def score(self, x: Vector) -> Vector:
        """Return each label's decayed frequency, shape (L,); the vector is not looked at."""
        del x
        size = len(self.label_space)
        positive, known = grown(self._positive, size)[:size], grown(self._known, size)[:size]
        # Half a yes and half a no in advance: one message alone proves little.
        return ((positive + 0.5) / (known + 1.0)).astype(np.float32)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Count one message."""
        self._count(x)
        size = len(self.label_space)
        self._positive = grown(self._positive, size)
        self._known = grown(self._known, size)
        known = slice(0, size) if targets.negative is None else np.concatenate(targets)
        keep = 0.5 ** (1.0 / self.half_life)
        self._positive[known] *= keep
        self._known[known] = self._known[known] * keep + 1.0
        self._positive[targets.positive] += 1.0

    def state(self) -> State:
        """See `Learner.state`."""
        return super().state() | {"positive": self._positive, "known": self._known}

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._positive = np.array(state["positive"])
        self._known = np.array(state["known"])
