"""How long a worker that ends may wait, for the broker and for its last snapshots."""

from __future__ import annotations

import time

from stream.config import Settings
from stream.kafka import LEAVING_S

LAST_SNAPSHOT_S = 3.0
"""Seconds that a last snapshot may take."""


class Ending:
    """The end of a worker: whether it is asked for, and until when each part of it may wait.

    A broker that does not answer may be back in a moment, with the last transaction; so the last commit has
    its time, from when the end was asked for or, if that was later, the work in hand was done. What comes
    after that shares one deadline, for a supervisor kills what takes too long.

    Parameters
    ----------
    settings
        The time of a commit.

    Examples
    --------
    >>> ending = Ending(Settings())
    >>> ending.asked
    False
    >>> ending.ask()
    >>> ending.asked, round(ending.over_by - time.monotonic())
    (True, 10)
    """

    def __init__(self, settings: Settings) -> None:
        self._commit_s = settings.worker.commit_timeout_s
        self._asked_at: float | None = None
        self._worked_at = 0.0

    @property
    def asked(self) -> bool:
        """Whether the worker is to end."""
        return self._asked_at is not None

    def ask(self) -> None:
        """Ask for the end; may be called from a signal handler."""
        # No event: its lock is not reentrant, and the handler may interrupt the thread that holds it.
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def worked(self) -> None:
        """Note that a batch is processed, and snapshots that were due are taken."""
        self._worked_at = time.monotonic()

    @property
    def committed_by(self) -> float:
        """Until when a commit may take; here and below monotonic seconds, from now on while nobody asks."""
        began = time.monotonic() if self._asked_at is None else max(self._asked_at, self._worked_at)
        return began + self._commit_s

    @property
    def kept_by(self) -> float:
        """Until when last snapshots may take."""
        return self.committed_by + LAST_SNAPSHOT_S

    @property
    def over_by(self) -> float:
        """Until when all may take, with leaving the groups."""
        return self.kept_by + LEAVING_S
