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
    its time. What comes after that shares one deadline, for a supervisor kills what takes too long.

    Parameters
    ----------
    settings
        The time of a commit.

    Attributes
    ----------
    asked
        Whether the worker is to end.

    Examples
    --------
    >>> ending = Ending(Settings())
    >>> ending.begin()
    >>> round(ending.over_by - time.monotonic())
    10
    """

    def __init__(self, settings: Settings) -> None:
        self._commit_s = settings.worker.commit_timeout_s
        self._began: float | None = None
        self.asked = False

    def ask(self) -> None:
        """Ask for the end; may be called from a signal handler."""
        # No event: its lock is not reentrant, and the handler may interrupt the thread that holds it.
        self.asked = True

    def begin(self) -> None:
        """Note that the batch in hand is processed; time runs from now on."""
        self._began = time.monotonic()

    @property
    def committed_by(self) -> float:
        """Until when a commit may take; here and below monotonic seconds."""
        return (time.monotonic() if self._began is None else self._began) + self._commit_s

    @property
    def kept_by(self) -> float:
        """Until when last snapshots may take."""
        return self.committed_by + LAST_SNAPSHOT_S

    @property
    def over_by(self) -> float:
        """Until when all may take, with leaving the groups."""
        return self.kept_by + LEAVING_S
