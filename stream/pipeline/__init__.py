"""The heart: one partition's pipeline as a pure state machine, without broker or clock."""

from stream.pipeline.errors import LearnerError
from stream.pipeline.factory import make_task
from stream.pipeline.feedback import NO_RECORD, OUTCOMES, FeedbackStatistics, FeedbackStore
from stream.pipeline.label_statistics import SHORT_HALF_LIFE, LabelStatistics
from stream.pipeline.task import Outcome, Task

__all__ = [
    "NO_RECORD",
    "OUTCOMES",
    "SHORT_HALF_LIFE",
    "FeedbackStatistics",
    "FeedbackStore",
    "LabelStatistics",
    "LearnerError",
    "Outcome",
    "Task",
    "make_task",
]
