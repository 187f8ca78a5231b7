"""Incidents: alarms that one change has caused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

SLACK = 500
"""Messages by which the beginnings that alarms of one change tell may differ, and within which it echoes."""
FINDINGS = ("relation",)
"""Scopes of alarms that report what holds, and no change."""
ACTIONS = ("clusters", "taxonomy", "recovery/gap")
"""Detectors that report what the learner or the service did."""


class Raised(Protocol):
    """What an incident needs of an alarm, as `Alarm` and its record have it."""

    @property
    def detector(self) -> str:
        """See `Alarm`."""
        ...

    @property
    def scope(self) -> str:
        """See `Alarm`."""
        ...

    @property
    def since(self) -> int | None:
        """See `Alarm`."""
        ...


AnyRaised = TypeVar("AnyRaised", bound=Raised)


class Incident(NamedTuple, Generic[AnyRaised]):
    """One change, with the alarms that it caused.

    Parameters
    ----------
    began, last
        Number of the message at which it began, as its first alarm tells, and of its latest alarm.
    alarms
        Number of the message and the alarm, in order; what the learner did meanwhile is among them.
    """

    began: int
    last: int
    alarms: list[tuple[int, AnyRaised]]


def incidents(alarms: Iterable[tuple[int, AnyRaised]]) -> list[Incident[AnyRaised]]:
    """Group the alarms of one partition into incidents, ordered by their first alarms.

    An alarm belongs to the incident whose beginning is nearest to its own, where they differ by at most
    `SLACK` messages. One further away belongs to the latest incident, if it tells of a beginning before that
    one's last alarm, or soon after: slow changes, rare labels and the detectors' own windows echo. Errors do
    not: they are reported when they rise, and when they rise again that is another change. How labels are
    supplied (*feedback*) and what the stream is about do not echo each other. What the learner did belongs to
    the incident that goes on, and makes none; neither do findings.

    Parameters
    ----------
    alarms
        Number of the labelled message that raised each, ascending, and the alarm.

    Examples
    --------
    >>> from drift.alarms.alarm import Alarm
    >>> error = Alarm("subset-error/adwin", "error", "stream", 0.5, 0.4, 48, since=48)
    >>> falls = Alarm("label-fall/rates", "prior", "wheat", -13.0, 12.7, 2400, since=370)
    >>> split = Alarm("clusters", "structure", "4", 0.1, 0.2, 0, "split")
    >>> for incident in incidents([(100, split), (2048, error), (2100, split), (2380, falls), (9000, error)]):
    ...     print(incident.began, incident.last, len(incident.alarms))
    2000 2380 3
    8952 9000 1
    """
    found: list[Incident[AnyRaised]] = []
    for number, alarm in alarms:
        if alarm.scope in FINDINGS:
            continue
        began = number - (alarm.since or 0)
        place = _place(found, began, number, alarm)
        if place is not None:
            found[place].alarms.append((number, alarm))
            if alarm.detector not in ACTIONS:
                found[place] = found[place]._replace(last=number)
        elif alarm.detector not in ACTIONS:
            found.append(Incident(began, number, [(number, alarm)]))
    return found


def _place(found: list[Incident[AnyRaised]], began: int, number: int, alarm: AnyRaised) -> int | None:
    """Return the place of the incident that an alarm belongs to; None if there is none."""
    if not found:
        return None
    if alarm.detector in ACTIONS:
        return len(found) - 1 if number <= found[-1].last + SLACK else None
    nearest = min(range(len(found)), key=lambda place: abs(found[place].began - began))
    if abs(found[nearest].began - began) <= SLACK:
        return nearest
    supply = [each.scope == "feedback" for each in (alarm, found[-1].alarms[0][1])]
    echoes = alarm.scope != "error" and supply[0] == supply[1] and began <= found[-1].last + SLACK
    return len(found) - 1 if echoes else None
