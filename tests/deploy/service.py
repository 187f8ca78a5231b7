"""Telemetry of a worker that has seen a bit of everything."""

from __future__ import annotations

import time

from drift.monitors import Monitors
from learners import LabelPriors
from learners.core import LabelSpace
from stream.pipeline import Model, Observer, Replica
from stream.pipeline.outcome import Outcome
from stream.snapshot import StoredSnapshot
from stream.telemetry.collector import Telemetry
from tests.stream.standins import POISON, event, make_task, records


class BusyWorker:
    """Tells telemetry of batches on one partition: predictions, alarms, dead letters and a failed commit."""

    def __init__(self) -> None:
        self.telemetry = Telemetry({"version": "test"})
        self._task = make_task()
        self.telemetry.gained(0, self._task)
        self._offset = 0

    def work(self) -> None:
        """Do one batch."""
        values = [event(self._offset + number) for number in range(20)] + list(POISON.values())
        batch = [record._replace(offset=self._offset + record.offset) for record in records(values)]
        self._offset += len(values)
        outcome: Outcome = self._task.process(batch)
        assert {output.kind for output in outcome.outputs} >= _EVERY_KIND
        self.telemetry.beat()
        self.telemetry.processed(0.01)
        self.telemetry.failed(0)
        self.telemetry.followed(_REPLICA, 5, 0.5, owner=True)
        self.telemetry.committed(0, self._task, outcome, lag=3, commit_s=0.004, batch_s=0.02)
        self.telemetry.snapshot_written(0, StoredSnapshot(self._offset, 1_000, time.time()))


WELL = 60
"""Batches in which all goes well at first: scores that fall have been higher."""


FEW_LABELS = 500
"""Labels that its learner holds: others leave soon."""


class SickWorker(BusyWorker):
    """Tells telemetry of every alert's cause at once, after it has been well for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._task.model.learner._own(LabelSpace(limit=FEW_LABELS))
        self._batches = 0
        self._older = 0
        # It never beats, and its clock is two minutes ahead of its birth: the loop hangs.
        self.telemetry = Telemetry({"version": "test"}, clock=lambda: time.monotonic() + 120 * self._older)
        self.telemetry.gained(0, self._task)
        self._stuck = make_task()
        self.telemetry.gained(1, self._stuck)

    def work(self) -> None:
        """Do one batch, badly once it has been well for long enough."""
        self._batches += 1
        if self._batches <= WELL:
            batch = records([event(self._offset + number, labels=["grain"]) for number in range(40)])
            batch = [record._replace(offset=self._offset + record.offset) for record in batch]
            self._offset += len(batch)
            self.telemetry.committed(
                0, self._task, self._task.process(batch), lag=0, commit_s=0.004, batch_s=0.02
            )
            return
        self._older = 1
        batch = [
            record._replace(offset=self._offset + record.offset)
            for record in records(
                [event(0), event(1), *POISON.values(), *(self._strange(number) for number in range(30))]
            )
        ]
        self._offset += len(batch)
        outcome = self._task.process(batch)
        self.telemetry.followed(_REPLICA, 5_000, 60.0, owner=False)
        self.telemetry.committed(0, self._task, outcome, lag=10_000_000, commit_s=0.004, batch_s=0.02)
        self.telemetry.committed(1, self._stuck, Outcome([], 0), lag=5, commit_s=0.0, batch_s=0.0)
        self.telemetry.failed(0)
        self.telemetry.snapshot_failed()
        self.telemetry.snapshot_written(0, StoredSnapshot(0, 1, time.time() - 5_000))

    def _strange(self, number: int) -> bytes:
        """Return an event whose label nobody has seen before: no label set can cover it."""
        return event(number, labels=[f"label {self._offset + number}"])


_REPLICA = Replica(Model(LabelPriors(), None, "letters"), Observer(Monitors()), source="/test")
_EVERY_KIND = {"predictions", "drift", "dlq"}
