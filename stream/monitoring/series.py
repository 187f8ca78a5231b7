"""Sums over intervals of time or of offsets, in bounded memory however long the stream runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from learners.metrics import f1

FIELDS = (
    "predictions",
    "dead_letters",
    "alarms",
    "births",
    "delay",
    "delays",
    "scored",
    "exact",
    "hits",
    "predicted",
    "actual",
    "persistence_exact",
    "persistence_hits",
    "persistence_predicted",
    "judged",
    "covered",
    "unsure",
)
"""Figures that are summed. `persistence_*` is the same for repeating the previous message's labels. Of the
`judged` messages, whose truth is known and whose prediction had a conformal set, some were `covered`."""
AT = {name: place for place, name in enumerate(FIELDS)}

Sums = list[float]


class Buckets:
    """Sums in buckets of equal width along an axis.

    Sums are exact in any order of the records, so partitions may be read one after another.

    Parameters
    ----------
    width
        Width of a bucket, in units of the axis; above 0.
    most
        Most buckets kept, at least 2.
    widens
        Whether buckets double their width when there are too many (the default), so that the whole axis is
        kept; otherwise the first ones are dropped.

    Examples
    --------
    >>> buckets = Buckets(1.0, 2)
    >>> for at in (0.5, 1.5, 1.6, 2.5):
    ...     buckets.add(at, predictions=1)
    >>> [(begin, sums[AT["predictions"]]) for begin, sums in buckets]
    [(0.0, 3.0), (2.0, 1.0)]
    """

    def __init__(self, width: float, most: int, *, widens: bool = True) -> None:
        self.width = width
        self._most = most
        self._widens = widens
        self._sums: dict[int, Sums] = {}
        self._checked = 0

    def add(self, at: float, **values: float) -> None:
        """Add values at a position of the axis."""
        sums = self._sums.setdefault(math.floor(at / self.width), [0.0] * len(FIELDS))
        for name, value in values.items():
            sums[AT[name]] += value
        self._bound()

    def _bound(self) -> None:
        if not self._widens:
            while len(self._sums) > self._most:
                del self._sums[min(self._sums)]
        elif len(self._sums) != self._checked:
            # The range of the axis can only change when a bucket is new.
            while max(self._sums) - min(self._sums) >= self._most:
                self._widen()
            self._checked = len(self._sums)

    def _widen(self) -> None:
        self.width *= 2
        narrow, self._sums = self._sums, {}
        for place, sums in narrow.items():
            wide = self._sums.setdefault(place // 2, [0.0] * len(FIELDS))
            wide[:] = _added([wide, sums])

    def __iter__(self) -> Iterator[tuple[float, Sums]]:
        """Yield the non-empty buckets, in order: the beginning of each, and its sums."""
        for place in sorted(self._sums):
            yield place * self.width, self._sums[place]

    def filled(self) -> Iterator[tuple[float, Sums]]:
        """Yield the buckets for drawing a line: with an empty one at either end of every gap."""
        last: int | None = None
        for place in sorted(self._sums):
            if last is not None and place - last > 1:
                yield from (
                    (empty * self.width, [0.0] * len(FIELDS)) for empty in sorted({last + 1, place - 1})
                )
            yield place * self.width, self._sums[place]
            last = place

    def __len__(self) -> int:
        """Return the number of non-empty buckets."""
        return len(self._sums)

    def total(self, since: float = -math.inf) -> Sums:
        """Return the sums of all buckets together, or of those from a position on."""
        return _added([sums for place, sums in self._sums.items() if (place + 1) * self.width > since])

    def trailing(self, messages: float) -> Iterator[tuple[float, Sums]]:
        """Yield each bucket's sums with those of buckets before it, until `messages` messages are scored."""
        buckets = list(self)
        begin, window = 0, [0.0] * len(FIELDS)
        for at, sums in buckets:
            window = _added([window, sums])
            while window[AT["scored"]] - buckets[begin][1][AT["scored"]] >= messages:
                window = [a - b for a, b in zip(window, buckets[begin][1], strict=True)]
                begin += 1
            yield at, window


def _added(rows: Sequence[Sums]) -> Sums:
    return [sum(column) for column in zip([0.0] * len(FIELDS), *rows, strict=True)]


def scores(sums: Sums) -> dict[str, float] | None:
    """Return subset accuracy, micro-F1 and the skill over persistence; None without scored messages.

    Skill is kappa temporal: 1 is perfect, 0 no better than repeating the previous message's labels.

    Examples
    --------
    >>> buckets = Buckets(1.0, 9)
    >>> buckets.add(0, scored=4, exact=3, hits=3, predicted=4, actual=4, persistence_exact=2)
    >>> scores(buckets.total())["subset_accuracy"], scores(buckets.total())["skill"]
    (0.75, 0.5)
    """
    scored = sums[AT["scored"]]
    if not scored:
        return None
    exact, persistence = sums[AT["exact"]] / scored, sums[AT["persistence_exact"]] / scored
    return {
        "subset_accuracy": exact,
        "micro_f1": f1(sums[AT["hits"]], sums[AT["predicted"]], sums[AT["actual"]]),
        "persistence_subset_accuracy": persistence,
        "persistence_micro_f1": f1(
            sums[AT["persistence_hits"]], sums[AT["persistence_predicted"]], sums[AT["actual"]]
        ),
        "skill": (exact - persistence) / (1 - persistence) if persistence < 1 else 0.0,
        "messages": scored,
    }
