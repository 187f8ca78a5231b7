"""What the service knows of itself at one moment, frozen: others read it while the worker goes on."""

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


@dataclasses.dataclass(frozen=True)
class PartitionStatus:
    """One of our partitions that is at work.

    Parameters
    ----------
    partition
        Its number.
    next_offset
        Where it goes on.
    lag
        Records on it that are not committed; None as long as that is not known.
    recent, scores
        Scores over the last messages and over all.
    learner
        The learner's own statistics.
    feedback
        What became of labels that came later than their event, and what is kept for them.
    confidence
        How the label sets and rejections turned out; None where they are switched off.
    snapshot
        The newest one; None before the first.
    failing
        Whether its last transaction failed: nothing of it is committed for now.
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
    failing: bool = False


class LessonsStatus(NamedTuple):
    """How far the replica of a model is that partitions share.

    Parameters
    ----------
    next_offset
        The next lesson to learn.
    lag
        Lessons that are there and not learned; None as long as that is not known.
    owner
        Whether this worker writes what comes of the lessons.
    """

    next_offset: int
    lag: int | None
    owner: bool


class Restoration(NamedTuple):
    """One of our partitions that is not back yet where its last owner had it.

    Parameters
    ----------
    partition
        Its number.
    offset, until
        The next offset to relearn and the one where it goes live; both None before its snapshot is loaded.
    """

    partition: int
    offset: int | None = None
    until: int | None = None

    def __str__(self) -> str:
        """Say how far it is."""
        if self.offset is None:
            return f"partition {self.partition} loads its snapshot"
        return f"partition {self.partition} relearns: {self.offset} of {self.until} offsets"


@dataclasses.dataclass(frozen=True)
class WorkerStatus:
    """Everything at one moment; counts are since the start of the process.

    Parameters
    ----------
    uptime_s, silence_s
        Seconds since the start, and since the last sign of life.
    joined
        Whether the group has settled which partitions are ours.
    predictions, learned, batches, failures, fencings
        Predictions written, messages learned from (silently relearned ones too), transactions committed
        and failed, and partitions that another worker had taken over before we knew.
    snapshots, snapshot_failures
        Snapshots written, and those that could not be written.
    dead_letters, alarms
        Dead letters by reason, drift alarms by scope.
    latest_alarms
        The last few, newest last.
    partitions, restorations
        Our partitions that are at work, and those that are not back yet, by number.
    lessons
        Where the replica is; None where each partition has a model of its own.
    """

    uptime_s: float
    silence_s: float
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

    @property
    def events(self) -> int:
        """Events answered: each one is a prediction or a dead letter."""
        return self.predictions + sum(self.dead_letters.values())

    @property
    def alive(self) -> bool:
        """Whether the worker's loop has turned lately."""
        return self.silence_s < SILENCE_S

    @property
    def ready(self) -> bool:
        """Whether all partitions that are ours are at work and committed; where none is, we stand by."""
        return not self.restorations and not self.failing and (bool(self.partitions) or self.joined)

    @property
    def failing(self) -> list[int]:
        """Partitions of which nothing is committed for now."""
        return [each.partition for each in self.partitions if each.failing]

    @property
    def readiness(self) -> str:
        """Why it is ready, or why not, in words."""
        if self.restorations:
            return "; ".join(map(str, self.restorations))
        if self.failing:
            return f"nothing can be committed of partitions {self.failing}; trying again"
        if self.partitions:
            return f"at work on partitions {[each.partition for each in self.partitions]}"
        if self.joined:
            return "standing by: other workers have all the partitions"
        return "not in the group yet"


def partition_status(partition: int, task: Answerer, lag: int | None) -> PartitionStatus:
    """Return what a partition's task is at now; the lag is not its own to know."""
    return PartitionStatus(
        partition=partition,
        next_offset=task.next_offset,
        lag=lag,
        recent=task.observer.scores.recent.summary(),
        scores=task.observer.scores.summary(),
        learner=task.model.learner.statistics(),
        feedback=task.feedback.statistics(),
        confidence=None if task.model.confidence is None else task.model.confidence.statistics(),
    )
