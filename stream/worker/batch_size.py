"""How many records a worker processes per batch."""

from __future__ import annotations

BACKLOG_BATCHES = 5
"""Number of batches that a backlog is divided into, if that gives larger ones than the target time."""
BACKLOG_S = 1.0
"""Most seconds that a batch of a backlog is meant to take: commits are a fiftieth of that, and the events of
another partition, where none wait, are not late by more."""
DECAY = 0.8
"""Decay per batch of the estimated number of lessons that come while a record is answered."""


class BatchSize:
    """Adapts the number of records per batch, so that a full batch takes about the target time.

    A commit costs 4 to 20 ms per partition for any number of records: under load large batches amortise it,
    and on a quiet stream a batch is what is there. With a backlog of more than a few batches, records are
    late anyway, and a batch is a fixed share of the backlog, but takes no longer than `BACKLOG_S`.

    Parameters
    ----------
    target_s
        Target duration of a batch, in seconds.
    largest
        Most records in one batch.
    lag
        Most lessons, of all workers together, that come while a batch is answered, estimated from recent
        batches; None (the default) is no limit.

    Examples
    --------
    >>> size = BatchSize(target_s=0.1, largest=1000)
    >>> size.adapt(size.records, seconds=0.02)
    >>> size.records
    128
    >>> size = BatchSize(target_s=0.1, largest=1000, lag=64)
    >>> for _ in range(20):
    ...     size.adapt(size.records, seconds=0.02, lessons=size.records // 8)
    >>> 480 < size.records < 540
    True
    """

    def __init__(self, target_s: float, largest: int, lag: int | None = None) -> None:
        self._timely = min(64, largest)
        self._target_s = target_s
        self._largest = largest
        self._lag = lag
        # Decayed counts; at first every record is assumed to lead to a lesson, and others to write none.
        self._records = self._lessons = float(lag or 1)

    @property
    def records(self) -> int:
        """How many records to take."""
        if self._lag is None:
            return self._timely
        share = self._lessons / self._records
        return max(1, min(self._timely, round(self._lag / max(share, self._lag / self._largest))))

    def adapt(self, records: int, seconds: float, lessons: int = 0, waiting: int = 0) -> None:
        """Adapt to a batch's records and seconds, the lessons learned since the last, and what waits."""
        self._records = DECAY * self._records + records
        self._lessons = DECAY * self._lessons + lessons
        # A batch that was not full and in time does not show how large it may be.
        if records < self.records and seconds <= self._target_s:
            return
        a_second = records / max(seconds, 1e-6)
        ideal = max(a_second * self._target_s, min(waiting / BACKLOG_BATCHES, a_second * BACKLOG_S))
        # One slow batch may be chance, and one beyond all bounds is none.
        least = self._timely / 2 if seconds <= BACKLOG_S else 1
        bounded = min(max(ideal, least), self._timely * 2, self._largest)
        self._timely = max(1, round(bounded))
