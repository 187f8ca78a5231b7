"""The record on the drift topic: one alarm of a monitor, or an operation on the taxonomy."""

from __future__ import annotations

import msgspec

from drift.alarms import Alarm
from stream.records.schema import Control, Count, Share


class DriftRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One drift event as it is written; see `drift.alarms.Alarm`.

    Parameters
    ----------
    control
        The control record that was applied, or that is proposed, as `action` says.
    labels
        Labels that the learner moved between its clusters.
    """

    detector: str
    scope: str
    subject: str
    statistic: float
    threshold: float
    window: Count
    action: str
    p: Share | None = None
    since: Count | None = None
    before: float | None = None
    after: float | None = None
    control: Control | None = None
    labels: list[str] = msgspec.field(default_factory=list)


def drift_record(alarm: Alarm) -> DriftRecord:
    """Return an alarm as it is written; its operation becomes the control record that does it."""
    fields = alarm._asdict() | {"labels": list(alarm.labels)}
    asked = fields.pop("operation")
    if asked is None:
        return DriftRecord(**fields)
    kind, label, to = asked
    return DriftRecord(**fields, control=Control(kind, label, list(to)))
