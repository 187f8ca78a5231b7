"""Telemetry of a worker that has seen a bit of everything."""

from __future__ import annotations

from stream.task import Outcome
from stream.telemetry import Telemetry
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
        self.telemetry.failed()
        self.telemetry.committed(0, self._task, outcome, lag=3, commit_s=0.004, batch_s=0.02)


_EVERY_KIND = {"predictions", "drift", "dlq"}
