"""A topic's history through a new learner."""

from stream.replay.replay import Sink, Summary, into_file, into_nothing, into_topic, replay

__all__ = [
    "Sink",
    "Summary",
    "into_file",
    "into_nothing",
    "into_topic",
    "replay",
]
