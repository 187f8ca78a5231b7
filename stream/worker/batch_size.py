"""How many records a worker takes at once."""

from __future__ import annotations

BACKLOG_BATCHES = 5
"""Into so many batches what waits is divided, where that makes larger ones than the time alone would."""
DECAY = 0.8
"""Decay a batch of what is known of the share of records that bring a lesson."""


class BatchSize:
    """How many records to take at once, so that a full batch takes about as long as it may.

    A commit costs about 4 ms a partition whatever is in it: under load large batches carry it, and on a quiet
    stream a batch is what is there. Where more waits than a few batches, records are late anyway, and the
    batch is a fixed share of what waits.

    Parameters
    ----------
    target_s
        How long a batch may take, in seconds.
    largest
        Most records in one batch.
    lag
        Most lessons that a batch should bring, judged by the latest batches; None (the default) does not
        count them.

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
        # Decayed; until more is known every record brings a lesson.
        self._records = self._lessons = float(lag or 1)

    @property
    def records(self) -> int:
        """How many records to take."""
        if self._lag is None:
            return self._timely
        share = self._lessons / self._records
        return max(1, min(self._timely, round(self._lag / max(share, self._lag / self._largest))))

    def adapt(self, records: int, seconds: float, lessons: int = 0, waiting: int = 0) -> None:
        """Take in how long a batch took, how many lessons it brought, and how many records wait."""
        self._records = DECAY * self._records + records
        self._lessons = DECAY * self._lessons + lessons
        # A short batch that was fast enough says nothing.
        if records < self.records and seconds <= self._target_s:
            return
        ideal = max(records * self._target_s / max(seconds, 1e-6), waiting / BACKLOG_BATCHES)
        bounded = min(max(ideal, self._timely / 2), self._timely * 2, self._largest)
        self._timely = max(1, round(bounded))
