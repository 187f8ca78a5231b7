"""`ithaca demo`: the whole way on one machine, with a made-up stream."""

from stream.demo.demo import play

__all__ = [
    "play",
]
