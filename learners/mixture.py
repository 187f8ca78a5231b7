"""Mixing experts' probabilities, label by label: follow whatever works now, combine what works together.

Two stages. A *stacker* adds the experts' logits with learned weights (evidence from independent experts
adds up); then a fixed-share Hedge follows, per label, the best of the experts and the stacker (on a stream
that repeats itself, persistence alone is right, and no sum should blur it).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.base import State
from learners.growth import grown
from learners.labels import Targets
from learners.linear import errors, sigmoid
from learners.parameters import check_number

FLOOR = 0.002
"""Least probability any expert is believed to mean: one sure mistake must not end it."""
Table = NDArray[np.float32]


class Mixture:
    """A stacker and a fixed-share Hedge over a fixed number of experts and a growing number of labels.

    Parameters
    ----------
    experts
        How many experts there are, at least 1.
    rate
        Step of the stacker's weights, in (0, inf). Too large chases single messages.
    share
        Weight that Hedge hands back to all experts a message, in [0, 1]. 0 never forgets who was right
        long ago; large values never trust anyone.

    Examples
    --------
    >>> import numpy as np
    >>> mixture = Mixture(experts=2)
    >>> always, never = np.array([[0.9], [0.1]], dtype=np.float32), Targets(np.array([], dtype=np.intp))
    >>> for _ in range(50):
    ...     mixture.learn(mixture.mix(always), never)
    >>> bool(mixture.mix(always).probabilities[0] < 0.15)
    True

    References
    ----------
    Herbster and Warmuth, "Tracking the best expert", Machine Learning 1998. Mattern, "Mixing strategies in
    data compression" (logistic mixing), DCC 2012.
    """

    def __init__(self, experts: int, rate: float = 0.1, share: float = 0.02) -> None:
        check_number(self, "experts", experts, int, 1)
        check_number(self, "rate", rate, float, 0, open_low=True)
        check_number(self, "share", share, float, 0, 1)
        self.experts = experts
        self.rate = rate
        self.share = share
        self._labels = 0
        # One row an expert, a last one for the bias; the common weights serve labels too rare for own ones.
        self._common: Table = np.full((experts + 1, 1), 1.2 / experts, dtype=np.float32)
        self._common[-1] = 0.0
        self._common_squares: Table = np.ones((experts + 1, 1), dtype=np.float32)
        self._own: Table = np.zeros((experts + 1, 0), dtype=np.float32)
        self._own_squares: Table = np.zeros((experts + 1, 0), dtype=np.float32)
        self._trust: Table = np.zeros((experts + 1, 0), dtype=np.float32)

    def mix(self, scores: Table) -> Mixed:
        """Return the mixture of the experts' probabilities, shape (experts, L)."""
        size = scores.shape[1]
        opinions = np.empty((self.experts + 1, size), dtype=np.float32)
        np.clip(scores, FLOOR, 1.0 - FLOOR, out=opinions[:-1])
        logits = np.empty((self.experts + 1, size), dtype=np.float32)
        np.log(opinions[:-1] / (1.0 - opinions[:-1]), out=logits[:-1])
        logits[-1] = -1.0
        weights = self._wide(self._own, size) + self._common
        opinions[-1] = np.clip(sigmoid((weights * logits).sum(axis=0)), FLOOR, 1.0 - FLOOR)
        trust = self._wide(self._trust[:, : self._labels], size, 1.0 / (self.experts + 1))
        return Mixed((opinions * trust).sum(axis=0), opinions, logits)

    def learn(self, mixed: Mixed, targets: Targets) -> None:
        """Learn from what `mix` returned for a message and from its labels."""
        size = mixed.opinions.shape[1]
        self._grow(size)
        self._stack(mixed, targets, size)
        likelihood = 1.0 - mixed.opinions
        likelihood[:, targets.positive] = mixed.opinions[:, targets.positive]
        if targets.negative is not None:
            likelihood[:, ~targets.known(size)] = 1.0
        trust = self._trust[:, :size]
        trust *= likelihood
        trust *= (1.0 - self.share) / trust.sum(axis=0)
        trust += self.share / (self.experts + 1)

    def _stack(self, mixed: Mixed, targets: Targets, size: int) -> None:
        gradient = mixed.logits * errors(mixed.opinions[-1], targets)
        common = gradient.sum(axis=1, keepdims=True)
        self._common_squares += common * common
        self._common -= self.rate * common / np.sqrt(self._common_squares)
        squares = self._own_squares[:, :size]
        squares += gradient * gradient
        gradient /= np.sqrt(squares)
        gradient *= np.float32(self.rate)
        self._own[:, :size] -= gradient

    def _wide(self, table: Table, size: int, fill: float = 0.0) -> Table:
        return grown(table, self.experts + 1, size, fill=fill)[:, :size]

    def _grow(self, size: int) -> None:
        if size <= self._labels:
            return
        rows = self.experts + 1
        self._own = grown(self._own, rows, size)
        self._own_squares = grown(self._own_squares, rows, size, fill=1.0)
        self._trust = grown(self._trust, rows, size, fill=1.0 / rows)
        self._labels = size

    def state(self) -> State:
        """Return the weights; see `Learner.state`."""
        size = self._labels
        return {
            "common": self._common,
            "common_squares": self._common_squares,
            "own": self._own[:, :size],
            "own_squares": self._own_squares[:, :size],
            "trust": self._trust[:, :size],
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._common = np.array(state["common"])
        self._common_squares = np.array(state["common_squares"])
        self._own = np.array(state["own"])
        self._own_squares = np.array(state["own_squares"])
        self._trust = np.array(state["trust"])
        self._labels = self._trust.shape[1]


class Mixed:
    """What a mixture made of one message; kept until the truth is known.

    Parameters
    ----------
    probabilities
        The mixture, shape (L,).
    opinions, logits
        What the experts and the stacker said, shape (experts + 1, L); the last row of `logits` is the bias.
    """

    __slots__ = ("logits", "opinions", "probabilities")

    def __init__(self, probabilities: NDArray[np.float32], opinions: Table, logits: Table) -> None:
        self.probabilities = probabilities
        self.opinions = opinions
        self.logits = logits
