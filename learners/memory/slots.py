"""Which message leaves a full memory: the oldest of those whose labels are all common in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from drift.core import Floats, Ids, check_number, compiled, grown


class Slots:
    """Gives each message a place in a memory of fixed size, and keeps rare labels there.

    A message is as common as the rarest of its labels, counted in the memory; messages without labels are a
    label of their own. Messages leave in the order in which they came, but for those that are less common
    than both `enough` and the median: so a label that falls silent stays, and at least half of the places
    go to new messages.

    Parameters
    ----------
    capacity
        Number of places, at least 1.
    enough
        Messages of a label from which it counts as common, at least 0. With 0 the oldest message leaves,
        whatever its labels; with more, labels are balanced, and what is old stays longer.

    Examples
    --------
    >>> slots = Slots(capacity=4, enough=2)
    >>> rare, common = np.array([0]), np.array([1])
    >>> [slots.place(labels) for labels in (rare, common, common, common, common, common)]
    [0, 1, 2, 3, 1, 2]
    """

    def __init__(self, capacity: int, enough: int) -> None:
        check_number(self, "capacity", capacity, int, 1)
        check_number(self, "enough", enough, int, 0)
        self.capacity = capacity
        self.enough = enough
        self._used = 0
        self._seen = 0
        # By place: the message's number, from 1, and its labels plus 1; none of them is label 0.
        self._numbers: Ids = np.zeros(capacity, dtype=np.intp)
        self._labels: Ids = np.zeros((capacity, 4), dtype=np.intp)
        self._sizes: Ids = np.zeros(capacity, dtype=np.intp)
        self._counts: Ids = np.zeros(1, dtype=np.intp)

    def __len__(self) -> int:
        """Return how many places are taken."""
        return self._used

    def place(self, labels: Ids) -> int:
        """Return the place of the next message, given its labels; the message that was there has left."""
        self._seen += 1
        while (place := self._put(labels)) < 0:
            self._make_room(labels)
        if place == self._used:
            self._used += 1
        return place

    def refile(self, place: int, labels: Ids) -> None:
        """Set the labels of a message."""
        self._make_room(labels)
        refile(place, labels, *self._tables())

    def forget(self, labels: Ids) -> None:
        """Take some labels off the messages: their ids may become other labels'."""
        gone = labels + 1
        for place in np.flatnonzero(np.isin(self._labels[: self._used], gone).any(axis=1)).tolist():
            kept = self._labels[place, : self._sizes[place]]
            self.refile(place, kept[~np.isin(kept, gone)] - 1)

    def counts(self, size: int) -> Ids:
        """Return in how many messages each label is, shape (size,)."""
        counts: Ids = grown(self._counts, size + 1)[1 : size + 1]
        return counts

    def weigh(self, places: Ids, weights: Floats) -> None:
        """Change the weights of some places, which sum to 1, to what their messages say of the recent stream.

        One that stayed for the sake of a rare label weighs as much as that is frequent: the kept messages of
        the label weigh together as many as it has in a stretch of the stream as long as there are places.
        """
        if self.enough:
            _weigh(places, weights, self.enough, self._seen, self._used, self._numbers, *self._tables())

    def next_of(self, label: int, turns: Ids) -> int:
        """Return the place with a label whose turn is the lowest; of equals the first."""
        return int(_next_of(label + 1, self._labels, self._sizes, self._used, turns))

    def _put(self, labels: Ids) -> int:
        """Put the labels of the next message in its place, and return that; -1 if a table is too small."""
        return int(_put(labels, self._seen, self._used, self.enough, self._numbers, *self._tables()))

    def _tables(self) -> tuple[Ids, Ids, Ids]:
        return self._labels, self._sizes, self._counts

    def _make_room(self, labels: Ids) -> None:
        self._labels = grown(self._labels, self.capacity, len(labels))
        self._counts = grown(self._counts, max(labels.tolist(), default=-1) + 2)

    @property
    def numbers(self) -> Ids:
        """Number of the message in each place, from 1: with the labels, the whole state."""
        numbers: Ids = self._numbers[: self._used]
        return numbers

    def restore(self, numbers: Ids, labels: Iterable[Ids], seen: int) -> None:
        """Take over the numbers and labels of messages in their places, and how many there have been."""
        self._used, self._seen = len(numbers), seen
        self._numbers[: self._used] = numbers
        self._counts = np.zeros(1, dtype=np.intp)
        self._sizes[:] = 0
        for place, each in enumerate(labels):
            self.refile(place, each)


@compiled
def _put(
    named: Ids, seen: int, used: int, enough: int, numbers: Ids, labels: Ids, sizes: Ids, counts: Ids
) -> int:
    if not fits(named, labels, counts):
        return -1
    place = used if used < len(numbers) else _oldest(numbers, labels, sizes, counts, enough)
    numbers[place] = seen
    refile(place, named, labels, sizes, counts)
    return place


@compiled
def fits(named: Ids, labels: Ids, counts: Ids) -> bool:
    """Return whether the tables have room for the labels of a message."""
    fit = bool(len(named) <= labels.shape[1])
    for label in named:
        if label + 1 >= len(counts):
            fit = False
    return fit


@compiled
def refile(place: int, named: Ids, labels: Ids, sizes: Ids, counts: Ids) -> None:
    """Replace the labels of a message; a place that was never taken has none, not even 0."""
    for n in range(sizes[place]):
        counts[labels[place, n]] -= 1
    sizes[place] = max(1, len(named))
    labels[place, 0] = 0
    for n in range(len(named)):
        labels[place, n] = named[n] + 1
    for n in range(sizes[place]):
        counts[labels[place, n]] += 1


@compiled
def _all_common(counts: Ids, enough: int) -> bool:
    """Return whether no label that is there has fewer messages than `enough`."""
    rare = 0
    for count in counts:
        rare += 0 < count < enough
    return rare == 0


@compiled
def _oldest(numbers: Ids, labels: Ids, sizes: Ids, counts: Ids, enough: int) -> int:
    """Return the place of the oldest message that is as common as `enough`, or as the median message."""
    # To count more labels than there are messages could cost more than it saves.
    if len(counts) <= len(numbers) and _all_common(counts, enough):
        return int(numbers.argmin())
    common, frequency = np.empty(len(numbers), dtype=np.intp), np.zeros(enough + 1, dtype=np.intp)
    for place in range(len(numbers)):
        rarest = enough
        for n in range(sizes[place]):
            rarest = min(rarest, counts[labels[place, n]])
        common[place] = rarest
        frequency[rarest] += 1
    least, below = 0, frequency[0]
    while 2 * below <= len(numbers) and least < enough:
        least += 1
        below += frequency[least]
    oldest = -1
    for place in range(len(numbers)):
        if (oldest < 0 or numbers[place] < numbers[oldest]) and common[place] >= least:
            oldest = place
    return oldest


@compiled
def _weigh(
    places: Ids,
    weights: Floats,
    enough: int,
    seen: int,
    used: int,
    numbers: Ids,
    labels: Ids,
    sizes: Ids,
    counts: Ids,
) -> None:
    capacity, total = len(numbers), 0.0
    for n in range(len(places)):
        place = places[n]
        # Half of the places have recent messages of all labels: these stand for themselves.
        if 2 * (seen - numbers[place]) > capacity:
            rarest = labels[place, 0]
            for label in labels[place, : sizes[place]]:
                if counts[label] < counts[rarest]:
                    rarest = label
            if counts[rarest] <= enough:
                first = numbers[_next_of(rarest, labels, sizes, used, numbers)]
                weights[n] *= capacity / max(capacity, seen - first)
        total += weights[n]
    weights /= total


@compiled
def _next_of(label: int, labels: Ids, sizes: Ids, used: int, turns: Ids) -> int:
    first, least = -1, np.iinfo(np.intp).max
    for place in range(used):
        # Most turns are too late, so that the labels need not be read.
        if turns[place] < least:
            # A slice of the row would cost as much as all the rest.
            for n in range(sizes[place]):
                if labels[place, n] == label:
                    first, least = place, turns[place]
    return first
