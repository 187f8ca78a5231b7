"""`ithaca demo`: the whole service on one machine, with a synthetic stream."""

from stream.demo.demo import play

__all__ = [
    "play",
]
