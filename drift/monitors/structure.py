"""Structure: what the learner did to its label clusters."""

from __future__ import annotations

from drift.alarms import Alarm, Observation
from drift.core import Stateful


class StructureMonitor(Stateful):
    """Reports every change of structure that the learner made. Scope *structure*, detector ``clusters``.

    Not a detector: the learner decided already, by the statistic and the threshold that are passed on;
    `action` says what it did ("split", "merge", "move", "swap").
    """

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        return [
            Alarm("clusters", "structure", change.subject, change.statistic, change.threshold, 0, change.kind)
            for change in observation.changes
        ]
