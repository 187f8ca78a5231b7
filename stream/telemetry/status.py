"""The status of the service at one moment, immutable: others read it while the worker goes on."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from drift.alarms import Alarm
from learners.core import Statistics
from learners.metrics import RecentScores, Scores
from learners.uncertainty import ConfidenceStatistics
from stream.pipeline import Answerer, FeedbackStatistics
from stream.snapshot import StoredSnapshot

SILENCE_S = 60.0
"""Seconds without a sign of life after which the process counts as hung; longer than any batch takes."""


STANDING_BY_S = 10.0
"""Seconds without partitions after which a member of the group is ready, as none is left for it.

A new member gets none until the others have handed some over, in the next rebalance.
"""


@dataclasses.dataclass(frozen=True)
class PartitionStatus:
    """Status of one of our partitions that is at work.

    Parameters
    ----------
    partition
        Its number.
    next_offset
        Next offset to process.
    lag
        Records of the partition that are not committed; None while unknown.
    recent, scores
        Scores over the last messages and over all.
    learner
        The learner's own statistics.
    feedback
        Counts of feedback by outcome, and of the events kept for it.
    confidence
        Outcomes of the conformal sets and rejections; None where they are disabled.
    snapshot
        The newest snapshot; None before the first.
    near_twins
        Labels whose names differ from an earlier one's in case, space or width only.
    failing
        Whether its last transaction failed, so that nothing of it is committed at present.
    """

    partition: int
    next_offset: int
    lag: int | None
    recent: RecentScores
    scores: Scores
    learner: Statistics
    feedback: FeedbackStatistics
    confidence: ConfidenceStatistics | None = None
    snapshot: StoredSnapshot | None = None
    near_twins: int = 0
    failing: bool = False


class LessonsStatus(NamedTuple):
    """Position of this worker's replica of a shared model.

    Parameters
    ----------
    next_offset
        Offset of the next lesson to learn.
    lag
        Lessons written and not learned yet; None while unknown.
    lag_s
        Age of the last lesson learned where others wait, in seconds; else 0.
    owner
        Whether this worker writes the outputs of the lessons.
    snapshot
        The newest snapshot that it took as the owner; None before the first.
    """

    next_offset: int
    lag: int | None
    lag_s: float
    owner: bool
    snapshot: StoredSnapshot | None = None


class Restoration(NamedTuple):
    """One of our partitions that has not yet reached its last owner's position.

    Parameters
    ----------
    partition
        Its number.
    offset, until
        The next offset to relearn and the one where it goes live; both None until its snapshot is loaded.
    """

    partition: int
    offset: int | None = None
    until: int | None = None

    def __str__(self) -> str:
        """Return the progress in words."""
        if self.offset is None:
            return f"partition {self.partition} loads its snapshot"
        return f"partition {self.partition} relearns: {self.offset} of {self.until} offsets"


@dataclasses.dataclass(frozen=True)
class WorkerStatus:
    """The status of the whole worker; counts are since the start of the process.

    Parameters
    ----------
    uptime_s, silence_s
        Seconds since the start, and since the last sign of life.
    idle_s
        Seconds since the group last left us without partitions; 0 while we have some, or are not in it.
    joined
        Whether the group has assigned our partitions.
    predictions, learned, batches, failures, fencings
        Predictions written, messages learned (including silently relearned ones), transactions committed
        and failed, and partitions that another worker had taken over before we knew.
    snapshots, snapshot_failures
        Snapshots written, and those that could not be written.
    dead_letters, alarms
        Counts of dead letters by reason, and of drift alarms by scope.
    latest_alarms
        The latest alarms, newest last.
    partitions, restorations
        Our partitions that are at work, and those being restored, by number.
    lessons
        Position of the replica; None where each partition has its own model.
    trouble
        Why no records are read at present; None if they are.
    """

    uptime_s: float
    silence_s: float
    idle_s: float
    joined: bool
    predictions: int
    learned: int
    batches: int
    failures: int
    fencings: int
    snapshots: int
    snapshot_failures: int
    dead_letters: dict[str, int]
    alarms: dict[str, int]
    latest_alarms: tuple[Alarm, ...]
    partitions: tuple[PartitionStatus, ...]
    restorations: tuple[Restoration, ...]
    lessons: LessonsStatus | None = None
    trouble: str | None = None

    @property
    def events(self) -> int:
        """Events answered, each by a prediction or a dead letter."""
        return self.predictions + sum(self.dead_letters.values())

    @property
    def alive(self) -> bool:
        """Whether the worker's loop has iterated recently."""
        return self.silence_s < SILENCE_S

    @property
    def ready(self) -> bool:
        """Whether all our partitions are at work and committed; without any, the worker stands by."""
        if self.restorations or self.failing or self.trouble:
            return False
        return bool(self.partitions) or self.idle_s >= STANDING_BY_S

    @property
    def _orphans(self) -> str:
        """A warning where most feedback is for no event: it may be events by another name."""
        feedback = [each.feedback for each in self.partitions]
        orphans = sum(each.orphan for each in feedback)
        joined = sum(each.joined + each.early for each in feedback)
        return f"; {orphans} records of feedback were for no event that came" if orphans > joined else ""

    @property
    def failing(self) -> list[int]:
        """Partitions of which nothing is committed at present."""
        return [each.partition for each in self.partitions if each.failing]

    @property
    def readiness(self) -> str:
        """The reason for being ready or not, in words."""
        if self.trouble:
            return self.trouble
        if self.restorations:
            return "; ".join(map(str, self.restorations))
        if self.failing:
            return f"nothing can be committed of partitions {self.failing}; trying again"
        if self.partitions:
            return f"at work on partitions {[each.partition for each in self.partitions]}{self._orphans}"
        if self.idle_s >= STANDING_BY_S:
            return "standing by: other workers have all the partitions"
        if self.joined:
            return "in the group, and waits for partitions"
        return "not in the group yet"


def partition_status(partition: int, task: Answerer, lag: int | None) -> PartitionStatus:
    """Return the status of a partition's task, given the lag, which the task does not know."""
    task.observer.near_twins.update(task.model.learner.label_space, ())
    return PartitionStatus(
        partition=partition,
        next_offset=task.next_offset,
        lag=lag,
        recent=task.observer.scores.recent.summary(),
        scores=task.observer.scores.summary(),
        learner=task.model.learner.statistics(),
        feedback=task.feedback.statistics(),
        near_twins=task.observer.near_twins.count,
        confidence=None if task.model.confidence is None else task.model.confidence.statistics(),
    )
