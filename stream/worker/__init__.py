"""The live service: a worker, its partitions, their restoration, and forwarding of other topics."""

from stream.worker.service import build, serve
from stream.worker.worker import Worker

__all__ = [
    "Worker",
    "build",
    "serve",
]
