"""Several workers that share one model, run without a broker: topics in memory, rounds instead of time.

In each round every worker learns the available lessons, then answers a batch of each of its partitions, and
writes predictions, lessons and offsets together. The others can read them at once; with larger batches the
model lags further behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stream.pipeline import Replica, SharedAnswerer
from stream.records import Output, Record

LESSONS = "s.lessons"
"""Name of the lessons topic."""


class Fleet:
    """Workers, their partitions, and what they wrote.

    Parameters
    ----------
    partitions
        The events of each partition, in offset order.
    make_replica
        Makes a replica that has learned nothing, for a worker.
    make_answerer
        Makes the answerer of a partition, given a function that returns its replica.

    Attributes
    ----------
    outputs
        Outputs of answering, in order.
    lessons
        The lessons topic.
    replicas
        The replica of each worker, by its name.
    """

    def __init__(
        self,
        partitions: Mapping[int, Sequence[Record]],
        make_replica: Callable[[], Replica],
        make_answerer: Callable[[int, Callable[[], Replica]], SharedAnswerer],
    ) -> None:
        self.outputs: list[Output] = []
        self.lessons: list[Record] = []
        self.replicas: dict[str, Replica] = {}
        self._partitions = partitions
        self._make_replica = make_replica
        self._make_answerer = make_answerer
        self._done = dict.fromkeys(partitions, 0)
        self._answerers: dict[str, dict[int, SharedAnswerer]] = {}

    def extend(self, partitions: Mapping[int, Sequence[Record]]) -> None:
        """Add partitions, before the next `share`; those that exist stay."""
        self._partitions = {**partitions, **self._partitions}
        self._done = dict.fromkeys(partitions, 0) | self._done

    def share(self, workers: Sequence[str]) -> None:
        """Assign the partitions to some workers; new ones learn all lessons first."""
        self.replicas = {name: self.replicas.get(name) or self._make_replica() for name in workers}
        owners = {partition: workers[partition % len(workers)] for partition in self._partitions}
        before, self._answerers = self._answerers, {name: {} for name in workers}
        for partition, owner in owners.items():
            kept = before.get(owner, {}).get(partition)
            self._answerers[owner][partition] = kept or self._begin(partition, self.replicas[owner])

    def run(self, batch: int, events: int | None = None) -> None:
        """Run rounds until so many more events are answered, or all (None, the default)."""
        left = sum(map(len, self._partitions.values())) - sum(self._done.values())
        end = left if events is None else min(events, left)
        while end > 0:
            for name, answerers in self._answerers.items():
                self.learn(self.replicas[name])
                end -= sum(self._answer(partition, each, batch) for partition, each in answerers.items())
        for replica in self.replicas.values():
            self.learn(replica)

    def learn(self, replica: Replica) -> list[Output]:
        """Let a replica learn all lessons, and return what their owner would write."""
        return replica.process(self.lessons[replica.next_offset :]).outputs

    def _begin(self, partition: int, replica: Replica) -> SharedAnswerer:
        answerer = self._make_answerer(partition, lambda: replica)
        answerer.live_from = self._done[partition]
        # Events answered before are processed without output: some of them may wait for their labels.
        answerer.process(self._partitions[partition][: self._done[partition]])
        return answerer

    def _answer(self, partition: int, answerer: SharedAnswerer, batch: int) -> int:
        begin = self._done[partition]
        records = self._partitions[partition][begin : begin + batch]
        for output in answerer.process(records).outputs:
            if output.kind == "lessons":
                place = len(self.lessons)
                stamp = records[-1].timestamp
                self.lessons.append(
                    Record(LESSONS, 0, place, stamp, output.key, output.value, output.headers)
                )
            else:
                self.outputs.append(output)
        self._done[partition] += len(records)
        return len(records)
