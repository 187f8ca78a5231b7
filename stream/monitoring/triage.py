"""What people decided about incidents, and which incidents that is about."""

from __future__ import annotations

from collections.abc import Sequence

from drift.alarms import ACTIONS
from stream.monitoring.stream_state import DriftEvent
from stream.records import DriftRecord, TriageRecord

ABOUT_LABELS = ("prior", "correlation")
"""Scopes whose drift events have a label, or a pair of labels, as their subject."""


def decision_on(events: Sequence[DriftEvent], decisions: Sequence[TriageRecord]) -> TriageRecord | None:
    """Return the decision that an incident falls under; None where somebody has to look at it.

    Parameters
    ----------
    events
        The incident's drift events. What was decided about one of them was decided about the incident, and
        goes on to count when more join it. A mute of labels or kinds counts only if all of its changes are
        muted: one that is not muted has to be looked at.
    decisions
        Those that stand.
    """
    named = {each.name: each for each in decisions if each.what == "incident"}
    own = next((named[each.name] for each in events if each.name in named), None)
    if own is not None:
        return own
    changes = [each.record for each in events if each.record.detector not in ACTIONS]
    muting = [next((mute for mute in decisions if _mutes(mute, each)), None) for each in changes]
    return muting[0] if muting and all(muting) else None


def _mutes(mute: TriageRecord, drift: DriftRecord) -> bool:
    if mute.what == "detector":
        return mute.name == drift.detector.partition("/")[0]
    if mute.what != "label" or drift.scope not in ABOUT_LABELS:
        return False
    return mute.name == drift.subject or mute.name in drift.subject.split(" + ")
