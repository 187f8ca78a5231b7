"""Class-balancing reservoir sampling: what leaves a full memory is a message of its most common label."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from drift.core import Floats, Ids, check_number, compiled, grown
from learners.memory.slots import Slots, fits, refile

SURELY = 4
"""Labels of a message that are looked at together: whether one is enough cannot be foreseen, and to have
foreseen wrongly costs as much as to look at several."""


class BalancedReservoir(Slots):
    """Places for messages, as many for each label, that hold a sample of all messages of the label.

    When it is full, a message of the most common label leaves: one at random, the more probably the more
    messages of the label came after it. So what a label was told wrongly is as frequent among its messages
    as in the stream; if the oldest left, the few wrong ones that a silent label is told would replace its
    right ones. A message stands for its rarest label, counted in the memory.

    Parameters
    ----------
    capacity
        Number of places, at least 1.
    horizon
        Messages of a label after which an older one of them is e times as likely to leave, at least 1. Too
        small, and the latest messages of a label are kept alone; too large, and what it meant before a drift
        stays long.

    Examples
    --------
    >>> reservoir = BalancedReservoir(capacity=4, horizon=100)
    >>> rare, common = np.array([0]), np.array([1])
    >>> places = [reservoir.place(labels) for labels in (rare, common, common, common, common, common)]
    >>> reservoir.counts(2).tolist()
    [1, 3]

    References
    ----------
    Chrysakis and Moens, "Online continual learning from imbalanced data", ICML 2020: class-balancing
    reservoir sampling. Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006: the
    highest keys are a weighted sample, here with weights that decay with age.
    """

    def __init__(self, capacity: int, horizon: int) -> None:
        check_number(self, "horizon", horizon, int, 1)
        super().__init__(capacity, enough=0)
        self.horizon = horizon
        # By place: the lowest key of a label leaves. By label plus 1: messages of it so far.
        self.keys: Floats = np.zeros(capacity)
        self.came: Ids = np.zeros(1, dtype=np.intp)

    def _put(self, labels: Ids) -> int:
        settings = self._seen, self._used, self.horizon
        return int(_put(labels, *settings, self.keys, self.came, self._numbers, *self._tables()))

    def _make_room(self, labels: Ids) -> None:
        super()._make_room(labels)
        self.came = grown(self.came, max(labels.tolist(), default=-1) + 2)

    def forget(self, labels: Ids) -> None:
        """See `Slots.forget`."""
        super().forget(labels)
        self.came[labels[labels + 1 < len(self.came)] + 1] = 0

    def take(self, keys: Floats, came: Ids, numbers: Ids, labels: Iterable[Ids], seen: int) -> None:
        """Take over `keys` and `came` as well; see `Slots.restore`."""
        self.restore(numbers, labels, seen)
        self.keys[: len(self)] = keys
        self.came = np.array(came)


@compiled
def _put(
    named: Ids,
    seen: int,
    used: int,
    horizon: int,
    keys: Floats,
    came: Ids,
    numbers: Ids,
    labels: Ids,
    sizes: Ids,
    counts: Ids,
) -> int:
    if not (fits(named, labels, counts) and fits(named, labels, came)):
        return -1
    place = used if used < len(numbers) else _of_the_most_common(keys, labels, sizes, counts)
    numbers[place] = seen
    refile(place, named, labels, sizes, counts)
    keys[place] = _arrived(seen, horizon, labels[place, : sizes[place]], came)
    return place


@compiled
def _arrived(number: int, horizon: int, labels: Ids, came: Ids) -> float:
    """Count a message, and return its key; the highest keys of a label are a sample of its messages."""
    rarest = number
    for label in labels:
        came[label] += 1
        rarest = min(rarest, came[label])
    age = rarest / horizon
    # Fibonacci hashing spreads consecutive numbers evenly over (0, 1), without a random generator's state.
    drawn = (number * 2654435761 % 4294967296 + 0.5) / 4294967296
    return age - math.log(-math.log(drawn))


@compiled
def _of_the_most_common(keys: Floats, labels: Ids, sizes: Ids, counts: Ids) -> int:
    """Return the place of the lowest key of the messages that stand for the most common label."""
    leaving, of, most = 0, -1, -1
    for place in range(len(keys)):
        rarest = labels[place, 0]
        least = counts[rarest]
        # A slice of the row would cost as much as all the rest.
        for n in range(1, sizes[place]):
            if n % SURELY == 0 and least < most:
                # Its rarest label is not the most common one, whatever else it has.
                break
            label = labels[place, n]
            rarer = counts[label] < least
            rarest = label if rarer else rarest
            least = counts[label] if rarer else least
        if least > most:
            leaving, of, most = place, rarest, least
        elif rarest == of and keys[place] < keys[leaving]:
            leaving = place
    return leaving
