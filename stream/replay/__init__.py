"""A topic's history through a new learner."""

from stream.replay.lessons import LessonsReplay, make_lessons_replay
from stream.replay.replay import Sink, Summary, into_file, into_nothing, into_topic, replay

__all__ = [
    "LessonsReplay",
    "Sink",
    "Summary",
    "into_file",
    "into_nothing",
    "into_topic",
    "make_lessons_replay",
    "replay",
]
