"""`ithaca run`: a worker as a process, from its settings to its last commit."""

from __future__ import annotations

import logging
import signal
from functools import partial
from types import FrameType

from stream.assembly import make_task
from stream.config import Settings
from stream.kafka import ensure_topics
from stream.worker import Worker

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT: it finishes its batch, commits it and returns.

    Raises
    ------
    BrokerError, FencedError, UnwrittenError, ValueError
        When there is nothing to work with, or it could not go on; each says what to do.
    """
    make_task(settings)  # What cannot be built is found out before partitions are asked for.
    partitions = ensure_topics(settings.kafka, settings.stream)
    worker = Worker(settings, partial(make_task, settings))

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        log.info("%s: finishing the batch", signal.Signals(number).name)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    log.info(
        "stream %s, %d partitions, group %s, run %s",
        settings.stream,
        partitions,
        settings.group,
        settings.run_name,
    )
    worker.run()
    log.info("stopped in order")
