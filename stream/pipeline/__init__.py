"""The core: one partition's pipeline as a pure state machine, without broker or clock."""

from stream.pipeline.answerer import Answer, Answerer
from stream.pipeline.factory import make_answerer, make_replica, make_task
from stream.pipeline.feedback import OUTCOMES, FeedbackStatistics, FeedbackStore
from stream.pipeline.label_statistics import LONG_HALF_LIFE, SHORT_HALF_LIFE, LabelStatistics
from stream.pipeline.lesson import NO_RECORD, KnownLabels
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import DivergedError, LearnerError, Outcome, joined
from stream.pipeline.shared import Pipeline, Replica, SharedAnswerer, read_lesson
from stream.pipeline.task import Task
from stream.pipeline.warmup import compile_all, warm_up

__all__ = [
    "LONG_HALF_LIFE",
    "NO_RECORD",
    "OUTCOMES",
    "SHORT_HALF_LIFE",
    "Answer",
    "Answerer",
    "DivergedError",
    "FeedbackStatistics",
    "FeedbackStore",
    "KnownLabels",
    "LabelStatistics",
    "LearnerError",
    "Model",
    "Observer",
    "Outcome",
    "Pipeline",
    "Replica",
    "SharedAnswerer",
    "Task",
    "compile_all",
    "joined",
    "make_answerer",
    "make_replica",
    "make_task",
    "read_lesson",
    "warm_up",
]
