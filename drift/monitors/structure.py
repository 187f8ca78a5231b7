"""Structure: the changes that the learner made to its label clusters."""

from __future__ import annotations

from drift.alarms import Alarm, Observation
from drift.core import Stateful


class StructureMonitor(Stateful):
    """Reports every change of structure that the learner made. Scope *structure*, detector ``clusters``.

    Not a detector: the learner has already decided, by the statistic and threshold that are passed on;
    `action` is the kind of change ("split", "merge", "move", "swap"), `labels` those that left the cluster.
    """

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        return [
            Alarm(
                "clusters",
                "structure",
                change.subject,
                change.statistic,
                change.threshold,
                window=0,
                action=change.kind,
                labels=change.labels,
            )
            for change in observation.changes
        ]
