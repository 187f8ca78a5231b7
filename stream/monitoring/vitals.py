"""What no output topic says of a stream: how many workers there are, their lag, and their snapshots."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from stream.config import Settings
from stream.kafka import BrokerError, GroupState, GroupWatch
from stream.records import topic
from stream.snapshot import newest

EVERY_S, SNAPSHOTS_S = 2.0, 20.0
"""Seconds between two questions to the broker, and to the store of snapshots."""

log = logging.getLogger(__name__)


class Vitals(NamedTuple):
    """The state of a stream's workers.

    Parameters
    ----------
    asked
        When it was asked for, in seconds since 1970; so are all times here.
    group
        The group that answers the events.
    absent_since
        Since when it has no member; None while it has one.
    moved
        When each partition's committed offset was last seen to be another one.
    lessons
        With one model for the stream, the end of its lessons; else None.
    snapshots
        When the newest snapshot of each partition (of the lessons, where there are some) was written; empty
        where none can be seen from here.

    Examples
    --------
    >>> vitals = Vitals(9.0, GroupState(1, {0: 30, 1: 5}, {0: 10}), None, {}, None, {})
    >>> vitals.lag
    {0: 20, 1: 5}
    """

    asked: float
    group: GroupState
    absent_since: float | None
    moved: dict[int, float]
    lessons: int | None
    snapshots: dict[int, float]

    @property
    def lag(self) -> dict[int, int]:
        """Events of each partition that are not answered yet."""
        committed = self.group.committed
        return {place: max(0, end - committed.get(place, 0)) for place, end in self.group.ends.items()}

    def followed_by(self, group: GroupState, now: float) -> Vitals:
        """Return these vitals with a later state of the group."""
        before = self.group.committed
        moved = {
            place: self.moved.get(place, now) if group.committed.get(place) == before.get(place) else now
            for place in group.ends
        }
        absent = None if group.members else self.absent_since or now
        return self._replace(asked=now, group=group, absent_since=absent, moved=moved)


class VitalsWatch(threading.Thread):
    """Asks for a stream's vitals until `stop`; what cannot be asked now is asked again.

    Parameters
    ----------
    settings
        The stream, its broker, its group and its snapshots.
    tell
        Takes the vitals each time.
    """

    def __init__(self, settings: Settings, tell: Callable[[Vitals], None]) -> None:
        super().__init__(name=f"vitals {settings.stream}", daemon=True)
        self._settings = settings
        self._tell = tell
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread soon."""
        self._stopping.set()

    def run(self) -> None:
        """Ask until `stop`; `start` calls this in the thread."""
        said = ""
        while not self._stopping.is_set():
            try:
                self._watch()
            except (BrokerError, OSError) as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("%s: %s", self._settings.stream, error)
                self._stopping.wait(EVERY_S)

    def _watch(self) -> None:
        settings = self._settings
        shared = settings.model.scope == "stream"
        kinds = ("events", "lessons") if shared else ("events",)
        groups = dict(zip(kinds, (settings.group, f"{settings.group}.lessons"), strict=False))
        watches = {
            kind: GroupWatch(settings.kafka, group, topic(settings.stream, kind))
            for kind, group in groups.items()
        }
        vitals = Vitals(time.time(), GroupState(0, {}, {}), None, {}, None, {})
        looked = -SNAPSHOTS_S
        try:
            while not self._stopping.is_set():
                vitals = vitals.followed_by(watches["events"].state(), time.time())
                if shared:
                    vitals = vitals._replace(lessons=watches["lessons"].state().ends.get(0))
                if time.monotonic() - looked > SNAPSHOTS_S:
                    looked = time.monotonic()
                    vitals = vitals._replace(snapshots=self._snapshots(kinds[-1]))
                self._tell(vitals)
                self._stopping.wait(EVERY_S)
        finally:
            for watch in watches.values():
                watch.close()

    def _snapshots(self, kind: str) -> dict[int, float]:
        settings = self._settings
        try:
            return newest(settings.snapshot.location, settings.group, topic(settings.stream, kind))
        except OSError as error:
            log.warning("The snapshots at %s cannot be seen: %s", settings.snapshot.location, error)
            return {}
