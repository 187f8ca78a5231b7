"""Sleeping experts: those that add nothing to a mixture are asked and taught only now and then.

The mixture hears a stand-in for an expert that sleeps, the mean of those that never do. Whether an expert may
sleep is measured, by what the same stand-in would have cost on the messages that the expert was asked about.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Arrays, Floats, Ids, Mask, State, Stateful, Vector, check_number, compiled, fields

FLOOR = 0.002
"""Smallest probability that an expert is taken to mean: one confident error must not exclude it."""
PERIOD = 16
"""Of so many messages, a sleeping expert is asked about one, and taught it."""
MEASURED = 4
"""Of so many messages, the experts that are awake are measured on one: measuring costs time too."""
LEAST_VALUE = 0.005
"""Loss without an expert minus loss with it, nats per message, that keeps it awake."""
FEWEST = 10
"""Measurements of a sleeping expert before it may wake."""
KEPT_AWAKE, KEPT_ASLEEP = 0.999, 0.97
"""Decay per measurement. Those of a sleeping expert are rare, and a drift should wake it soon."""
COUNT, WEIGHT, SUM, SQUARES = range(4)
"""Columns of an account: the number of measurements, and decayed their weight, sum and sum of squares."""


class Sleepers(Stateful):
    """Decides which experts sleep: those that the mixture would hardly miss.

    An expert falls asleep when it was worth less than `LEAST_VALUE` lately, and wakes when it is worth more
    by two standard errors; then it stays awake for a trial, in which it can catch up.

    Parameters
    ----------
    experts
        How many experts may sleep, at least 0.
    trial
        Messages for which an expert stays awake before it may fall asleep, at least 1. With fewer, experts
        that learn slowly never show what they are worth.

    Examples
    --------
    >>> sleepers, nothing = Sleepers(1, trial=100), np.zeros(1)
    >>> for message in filter(sleepers.measured, range(200)):
    ...     sleepers.learn(nothing, sleepers.asked(message))
    >>> [bool(sleepers.asked(message)[0]) for message in (200, 208)]
    [False, True]

    References
    ----------
    Freund, Schapire, Singer and Warmuth, "Using and combining predictors that specialize", STOC 1997.
    """

    state_fields = fields(Arrays("_asleep", "_account"))

    def __init__(self, experts: int, trial: int = 2000) -> None:
        check_number(self, "experts", experts, int, 0)
        check_number(self, "trial", trial, int, 1)
        self.experts = experts
        self.trial = trial
        self._asleep: Mask = np.zeros(experts, dtype=np.bool_)
        self._awake: Mask = ~self._asleep
        self._all: Mask = ~self._asleep
        # Of the measurements since an expert woke or fell asleep.
        self._account: Floats = np.zeros((experts, 4))

    def asked(self, message: int) -> Mask:
        """Return which experts are asked about a message, by its number. Shape (experts,)."""
        return self._awake if message % PERIOD else self._all

    def measured(self, message: int) -> bool:
        """Return whether it is to be measured what the experts asked about a message are worth."""
        return message % MEASURED == 0 and (message % PERIOD == 0 or not self._asleep.all())

    def learn(self, values: Floats, asked: Mask) -> None:
        """Learn from what each expert was worth on a message, as far as it was asked."""
        _judge(values, asked, self.trial, self._asleep, self._account)
        # A new array: predictions that are still to be learned from keep the one they were computed with.
        self._awake = ~self._asleep

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._awake = ~self._asleep


@compiled
def _judge(values: Floats, asked: Mask, trial: int, asleep: Mask, account: Floats) -> None:
    for expert in range(len(values)):
        if not asked[expert]:
            continue
        own = account[expert]
        own[WEIGHT:] *= KEPT_ASLEEP if asleep[expert] else KEPT_AWAKE
        own += np.array((1.0, 1.0, values[expert], values[expert] ** 2))
        mean = own[SUM] / own[WEIGHT]
        error = math.sqrt(max(own[SQUARES] / own[WEIGHT] - mean * mean, 0.0) / own[WEIGHT])
        wakes = asleep[expert] and own[COUNT] >= FEWEST and mean - 2.0 * error > LEAST_VALUE
        falls = not asleep[expert] and own[COUNT] * MEASURED > trial and mean < LEAST_VALUE
        if wakes or falls:
            asleep[expert] = falls
            own[:] = 0.0


@compiled
def stand_in(opinions: Vector, logits: Vector, part_time: Ids, asked: Mask) -> None:
    """Fill in the opinions and logits of the experts that are not asked."""
    if asked.all():
        return
    mean = _mean_logits(logits, part_time)
    for place in range(len(part_time)):
        if not asked[place]:
            for label in range(len(mean)):
                logits[part_time[place], label] = mean[label]
                opinions[part_time[place], label] = 1.0 / (1.0 + math.exp(-np.float64(mean[label])))


@compiled
def _mean_logits(logits: Vector, part_time: Ids) -> Vector:
    """Return the mean of the experts that never sleep; the last two rows are no experts."""
    experts = len(logits) - 2
    mean, heard = np.zeros(logits.shape[1], dtype=np.float32), experts - len(part_time)
    for expert in range(experts):
        if not (part_time == expert).any():
            for label in range(len(mean)):
                mean[label] += logits[expert, label] / np.float32(heard)
    return mean


@compiled
def measure(
    opinions: Vector,
    logits: Vector,
    probabilities: Vector,
    own: Vector,
    shared: Floats,
    trust: Vector,
    part_time: Ids,
    asked: Mask,
    positive: Ids,
    values: Floats,
) -> None:
    """Fill in the loss with a stand-in for each part-time expert, minus the loss as it was.

    Parameters
    ----------
    opinions, logits, probabilities
        See `learners.ensemble.mixture.Mixed`.
    own, shared, trust
        The mixture's weights.
    part_time, asked
        The experts that may sleep, and which of them were asked; of the others nothing is known.
    positive
        The true labels; all others are false.
    values
        Nats, one value for each part-time expert.
    """
    last, labels = len(opinions) - 1, len(probabilities)
    mean, truth = _mean_logits(logits, part_time), np.zeros(labels, dtype=np.bool_)
    for label in positive:
        truth[label] = True
    z = np.zeros(labels, dtype=np.float32)
    common = shared.astype(np.float32)
    for expert in range(last + 1):
        for label in range(labels):
            z[label] += (own[expert, label] + common[expert]) * logits[expert, label]
    for label in range(labels):
        z[label] += common[last + 1] * logits[last + 1, label]
    stand_ins = np.empty(labels)
    for label in range(labels):
        stand_ins[label] = _sigmoid(mean[label])
    for place in range(len(part_time)):
        if not asked[place]:
            continue
        expert, total, ratio = part_time[place], 0.0, 1.0
        for label in range(labels):
            apart = mean[label] - logits[expert, label]
            stacked = z[label] + (own[expert, label] + common[expert]) * apart
            p = np.float64(probabilities[label])
            other = p + trust[expert, label] * (stand_ins[label] - opinions[expert, label])
            other += trust[last, label] * (_sigmoid(stacked) - opinions[last, label])
            ratio *= p / other if truth[label] else (1.0 - p) / (1.0 - other)
            if ratio < 1e-200 or ratio > 1e200:
                total += math.log(ratio)
                ratio = 1.0
        values[place] = total + math.log(ratio)


@compiled
def _sigmoid(logit: np.float32) -> float:
    """Return a probability that is as far from 0 and 1 as a mixture's opinions are."""
    return min(max(1.0 / (1.0 + math.exp(-np.float64(logit))), FLOOR), 1.0 - FLOOR)
