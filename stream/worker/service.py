"""`ithaca run`: a worker as a process, from its settings to its last commit."""

from __future__ import annotations

import logging
import signal
from importlib.metadata import version
from types import FrameType

from stream.config import Settings
from stream.kafka import ensure_topics
from stream.pipeline import Task, make_task
from stream.telemetry import Telemetry, serve_metrics
from stream.worker.forwarding import forwarding
from stream.worker.threads import limit_threads
from stream.worker.worker import Worker

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT: it finishes its batch, commits it and returns.

    Raises
    ------
    BrokerError, FencedError, UnwrittenError, ValueError
        When there is nothing to work with, or it could not go on; each says what to do.
    OSError
        When the port for metrics and health is taken.
    """
    limit_threads()
    make_task(settings)  # What cannot be built is found out before partitions are asked for.
    partitions = ensure_topics(settings.kafka, settings.stream)
    telemetry = Telemetry(build(settings))

    def timed_task(live_from: int) -> Task:
        task = make_task(settings, live_from)
        task.encoder = telemetry.timed(task.encoder)
        return task

    worker = Worker(settings, timed_task, telemetry)

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        log.info("%s: finishing the batch", signal.Signals(number).name)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with (
        serve_metrics(telemetry, settings.http.host, settings.http.port) as url,
        forwarding(settings, failed=worker.stop),
    ):
        log.info("stream %s (%d partitions), group %s", settings.stream, partitions, settings.group)
        log.info("run %s; metrics and health at %s", settings.run_name, url)
        worker.run()
    log.info("stopped in order")


def build(settings: Settings) -> dict[str, str]:
    """Return what runs with these settings, for `ithaca_build_info`."""
    return {
        "version": version("ithaca"),
        "stream": settings.stream,
        "run": settings.run_name,
        "encoder": settings.encoder.name,
        "learner": settings.learner.name,
    }
