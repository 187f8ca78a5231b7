"""The live service: a worker, its partitions, how they are restored, and what feeds them."""

from stream.worker.service import build, serve
from stream.worker.worker import Worker

__all__ = [
    "Worker",
    "build",
    "serve",
]
