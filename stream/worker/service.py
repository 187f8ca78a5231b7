"""`ithaca run`: a worker as a process, from its settings to its last commit."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from stream import __version__
from stream.config import Settings
from stream.encoders import limit_threads
from stream.kafka import BrokerError, GroupWatch, InstanceError, ensure_lessons, ensure_topics
from stream.pipeline import Answerer, Replica, make_answerer, make_replica, make_task, warm_up
from stream.records import topic
from stream.snapshot import costs
from stream.telemetry import Telemetry, serve_metrics
from stream.worker.forwarding import forwarding
from stream.worker.lessons import Lessons
from stream.worker.restorer import RETRY_S
from stream.worker.worker import Worker

STANDING_BY_S = 0.2
"""Pause in seconds between two reads of the lessons while standing by."""

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT: it finishes its batch, commits it and returns.

    Parameters
    ----------
    settings
        Settings of a valid task, see `make_task`: checked by the caller.

    Raises
    ------
    BrokerError, FencedError, UnwrittenError
        When there is no broker, or work could not go on; each message says what to do.
    OSError
        When the port for metrics and health is taken.
    """
    limit_threads()
    partitions = ensure_topics(settings.kafka, settings.stream)
    if settings.model.scope == "stream":
        ensure_lessons(settings.kafka, settings.stream)
    telemetry = Telemetry(build(settings))

    lessons: Lessons | None = None

    def timed_task(live_from: int) -> Answerer:
        task: Answerer
        if lessons is None:
            task = make_task(settings, live_from)
        else:
            task = make_answerer(settings, shared, live_from)
        task.encoder = telemetry.timed(task.encoder)
        return task

    def shared() -> Replica:
        assert lessons is not None
        return lessons.replica

    def show(line: str) -> None:
        telemetry.beat()
        log.info(line)

    asked: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) == 1:
            raise KeyboardInterrupt  # Compiling takes a minute and looks at nothing.

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        worker.stop()  # And no line in the log: its stream may be interrupted in the middle of one.

    with serve_metrics(telemetry, settings.http.host, settings.http.port) as url:
        log.info("stream %s (%d partitions), group %s", settings.stream, partitions, settings.group)
        for sentence in costs(settings):
            log.warning(sentence)
        log.info("run %s; metrics and health at %s", settings.run_name, url)
        try:
            _at_stop(interrupt)
            # Before the group is joined: a member that compiles instead of polling is removed from it. The
            # warm-up uses the default encoder: the caller has checked the configured one, and loading a large
            # one again takes time and memory.
            warm_up(make_task(settings.unencoded), show)
            # What there is stays: each full collection would look at it again, for a fifth of a second.
            gc.collect()
            gc.freeze()
            if settings.model.scope == "stream":
                lessons = Lessons(settings, lambda live: make_replica(settings, live), telemetry)
                _stand_by(lessons, telemetry)
            worker = Worker(settings, timed_task, telemetry, lessons)
            _at_stop(stop)
        except KeyboardInterrupt:
            log.info("stopped before the group was joined")
            return
        if asked:
            worker.stop()  # It was raised in a callback of the compiler, which does not pass it on.
        try:
            with forwarding(settings, worker.ending):
                worker.run()
        except InstanceError as error:
            _wait_for_name(settings, error, telemetry, asked)
            if not asked:
                raise
    log.info("stopped in order")


def _stand_by(lessons: Lessons, telemetry: Telemetry) -> None:
    """Wait until no workers with other settings answer: joining the group would get us partitions."""
    if lessons.standing_by:
        log.warning(
            "standing by: workers with other settings answer this stream. This one goes on when the last of "
            "them has stopped; its model then learns all lessons anew, or from a snapshot of its own settings"
        )
    while lessons.standing_by:
        telemetry.beat()
        lessons.turn()
        time.sleep(STANDING_BY_S)


def _wait_for_name(
    settings: Settings, error: InstanceError, telemetry: Telemetry, asked: Sequence[int]
) -> None:
    """Wait until no member of the group has our instance name: started anew before, we would take it back."""
    log.error("%s; this one waits until the other has left, and ends then", error)
    telemetry.joined(False, str(error))
    taken, events = True, topic(settings.stream, "events")
    with contextlib.closing(GroupWatch(settings.kafka, settings.group, events)) as watch:
        while taken and not asked:
            telemetry.beat()
            time.sleep(RETRY_S)
            with contextlib.suppress(BrokerError):  # It is asked again.
                taken = settings.worker.instance in watch.state().instances


def _at_stop(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def build(settings: Settings) -> dict[str, str]:
    """Return version and main settings, for `ithaca_build_info`."""
    return {
        "version": __version__,
        "stream": settings.stream,
        "run": settings.run_name,
        "encoder": settings.encoder.name,
        "learner": settings.learner.name,
    }
