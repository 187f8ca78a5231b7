"""`ithaca demo`: the whole service on one machine, with a synthetic stream of known drift."""

from __future__ import annotations

import itertools
import logging
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from drift.core import Vector
from learners import BASELINES
from learners.metrics import Scores
from stream.broker import Broker, GivenBroker, NoBrokerError, Process, choose, free_ports, spawn
from stream.config import ConfidenceSettings, DriftSettings, LearnerSettings, Settings, load
from stream.demo.support_messages import BROKEN, chapters, messages
from stream.demo.terminal import SCORES, LiveView, add_scores, figures_in_words, listed
from stream.encoders import limit_threads
from stream.kafka import BrokerError, FencedError, UnwrittenError, Writer, delete_topics, ensure_topics
from stream.pipeline import NO_RECORD, Answer, Outcome, Task, make_task, warm_up
from stream.records import Event, Record, topic
from stream.telemetry import Telemetry, serve_metrics
from stream.worker import Worker, build

SPAN = 20_000
"""Events over which the stream's known changes happen if the demo has no end."""
EVENTS_PER_SECOND = 200.0
"""Events per second if the demo has no end: an embedded broker keeps all of them in memory."""
AHEAD = 5_000
"""Most events that are written and not answered yet."""
FINISH_TIMEOUT_S = 20.0
"""Seconds that the last batch may take after everything was told to stop."""


class TaskWithBaselines(Task):
    """A task that runs baselines on the same events.

    Attributes
    ----------
    baselines
        Tasks of the baselines, by name.
    beside
        Scores of the baselines up to the last batch, by name.
    """

    baselines: Mapping[str, Task] = MappingProxyType({})
    beside: Mapping[str, Scores] = MappingProxyType({})

    def process(self, records: Sequence[Record]) -> Outcome:
        """See `Task.process`."""
        outcome = super().process(records)
        self.beside = {name: task.observer.scores.summary() for name, task in self.baselines.items()}
        return outcome

    def answer(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> Answer:
        """See `Answerer.answer`."""
        for task in self.baselines.values():
            task.advance(event, x)
        return super().answer(event, x, fingerprint)


def with_baselines(settings: Settings, live_from: int) -> TaskWithBaselines:
    """Return a new task with new baselines."""
    silent = {"drift": DriftSettings(monitors=[]), "confidence": ConfidenceSettings(enabled=False)}
    unwatched = settings.model_copy(update=silent)
    task = make_task(settings, live_from, TaskWithBaselines)
    task.baselines = {
        name: make_task(unwatched.model_copy(update={"learner": LearnerSettings(name=name)}))
        for name in BASELINES
    }
    return task


class Job(threading.Thread):
    """A background thread whose exception is raised in the foreground.

    A daemon: the process can end even if the thread hangs in a client whose broker is gone.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._work = work

    def run(self) -> None:
        """Run the work; `start` calls this in the thread."""
        try:
            self._work()
        except Exception as failure:
            self.failure = failure

    def finish(self) -> None:
        """Wait for the end and raise the exception that the work failed with."""
        self.join(FINISH_TIMEOUT_S)
        if self.failure is not None:
            raise self.failure
        if self.is_alive():
            raise BrokerError(f"The broker has not answered for {FINISH_TIMEOUT_S:.0f} s.")


class Demo:
    """A stream, a worker that labels it, and a view of both.

    Parameters
    ----------
    broker
        A running broker.
    settings
        The broker's address, and the stream; the topics must exist.
    events
        Number of events to answer; 0 runs until Ctrl-C.
    console
        Where to display it.
    page
        Address of the dashboard.
    """

    def __init__(self, broker: Broker, settings: Settings, events: int, console: Console, page: str) -> None:
        self._broker = broker
        self._settings = settings
        self._events = events
        self._console = console
        self._page = page
        self._telemetry = Telemetry(build(settings))
        self._stopping = threading.Event()
        self._tasks: list[TaskWithBaselines] = []
        self._began = time.monotonic()

    def run(self) -> None:
        """Run until all events are answered or until Ctrl-C, and print a summary.

        Raises
        ------
        NoBrokerError
            When the broker has ended.
        """
        worker = Worker(self._settings, self._make_task, self._telemetry)
        jobs = [Job(worker.run), Job(self._produce)]
        http = self._settings.http
        with serve_metrics(self._telemetry, http.host, http.port) as url:
            self._console.print(f"metrics: {url}/metrics", highlight=False)
            try:
                for job in jobs:
                    job.start()
                view = LiveView(self._telemetry, "ithaca demo", self._console, self._beside, self._story)
                view.show(lambda: self._done(jobs))
            except KeyboardInterrupt:
                self._console.print("stopping: finishing the batch")
            finally:
                seconds = time.monotonic() - self._began
                self._stopping.set()
                worker.stop()
            self._broker.check()
            for job in jobs:
                job.finish()
        self._summarize(seconds, url)

    def _done(self, jobs: Sequence[Job]) -> bool:
        self._broker.check()
        answered = self._telemetry.status().events
        return 0 < self._events <= answered or any(job.failure for job in jobs)

    def _make_task(self, live_from: int) -> Task:
        task = with_baselines(self._settings, live_from)
        task.encoder = self._telemetry.timed(task.encoder)
        self._tasks.append(task)
        self._began = time.monotonic()
        return task

    def _produce(self) -> None:
        stream = messages(self._events or SPAN)
        values = itertools.islice(stream, self._events) if self._events else stream
        with Writer(self._settings.kafka, topic(self._settings.stream, "events")) as writer:
            for number, value in enumerate(values):
                while not self._stopping.is_set() and self._ahead(number):
                    # Records stay in the client's buffer until it is told to send them.
                    writer.settle()
                    time.sleep(0.05)
                if self._stopping.is_set():
                    return
                writer.send(value, partition=0)

    def _ahead(self, number: int) -> bool:
        """Whether enough events are written for now, given their number."""
        if not self._events and number > EVENTS_PER_SECOND * (time.monotonic() - self._began):
            return True
        return number > self._telemetry.status().events + AHEAD

    def _story(self, events: int) -> list[str]:
        """Return what has happened in the stream by now, in order, and where to look at each."""
        return [
            f"{f'{each.begins:.0%} of the stream' if each.begins else 'The beginning'}: "
            f"{each.text} Look at {self._page}/#/{each.view}"
            for each in chapters(events / (self._events or SPAN))
        ]

    def _beside(self) -> Mapping[str, Scores]:
        return self._tasks[-1].beside if self._tasks else {}

    def _summarize(self, seconds: float, url: str) -> None:
        if not self._tasks:
            self._console.print("stopped before the first event")
            return
        status, task = self._telemetry.status(), self._tasks[-1]
        table = Table("over all", *SCORES.values(), "messages", box=None, pad_edge=False)
        for name, scores in {
            self._settings.learner.name: task.observer.scores.summary(),
            **task.beside,
        }.items():
            add_scores(table, name, scores)
        lines = {
            "events": f"{status.events:,}",
            "predictions": f"{status.predictions:,}",
            "dead letters": f"{listed(status.dead_letters) or 'none'} "
            f"(one event in {BROKEN} is broken on purpose)",
            "messages a second": f"{status.events / seconds:,.0f}",
            "learner": figures_in_words(task.model.learner.statistics()),
            "drift alarms": listed(status.alarms) or "none",
            "metrics were at": f"{url}/metrics",
        }
        for name, value in lines.items():
            self._console.print(f"{name}: {value}", highlight=False, soft_wrap=True)
        self._console.print(table)


def play(events: int) -> None:
    """Run the demo and end after so many events; 0: run until Ctrl-C.

    Raises
    ------
    typer.Exit
        With status 1, after the error was printed.
    """
    limit_threads()
    console = Console()
    # SIGTERM ends the demo as cleanly as Ctrl-C. SIGINT is set as well, because background processes of
    # a script inherit that it is ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # The live view owns the terminal; log records are shown above it.
    shown = RichHandler(console=console, show_path=False)
    logging.basicConfig(level="ERROR", format="%(message)s", handlers=[shown], force=True)
    # A lost connection is reported by us; the client would report it ten times, with tracebacks.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        with ExitStack() as started:
            console.print("starting a broker")
            broker = choose()
            started.callback(broker.stop)
            console.print(f"broker: {broker.kind} at {broker.address}", highlight=False)
            settings = demo_settings(broker.address)
            ensure_topics(settings.kafka, settings.stream)
            if isinstance(broker, GivenBroker):
                started.callback(delete_topics, settings.kafka, settings.stream)
            page = started.enter_context(dashboard(settings))
            console.print(f"dashboard: {page}", highlight=False)
            warm_up(with_baselines(settings, 0), console.print)
            Demo(broker, settings, events, console, page).run()
    except (NoBrokerError, BrokerError, FencedError, UnwrittenError, ValueError, OSError) as error:
        console.print(f"ithaca: {error}", style="red", highlight=False)
        raise typer.Exit(1) from error


@contextmanager
def dashboard(settings: Settings) -> Iterator[str]:
    """Run the dashboard in a separate process inside the block; yields its address.

    It is up some seconds later, and takes no time from the worker's thread.
    """
    with tempfile.TemporaryDirectory(prefix="ithaca-dashboard-") as folder:
        configuration = Path(folder) / "ithaca.toml"
        configuration.write_text(f'[kafka]\nbootstrap_servers = "{settings.kafka.bootstrap_servers}"\n')
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "stream.cli", "dashboard", "--config", str(configuration)]
        process = spawn(
            [*command, "--stream", settings.stream, "--port", str(port)],
            Path(folder) / "log",
            outlives_us=False,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            Process.of(process.pid).stop(grace=3.0)
            process.wait()


def demo_settings(address: str) -> Settings:
    """Return the settings of a demo on a broker: its own topics, a free port; nothing outlives it."""
    return load(
        stream=f"ithaca-demo-{uuid.uuid4().hex[:8]}",
        kafka={"bootstrap_servers": address, "partitions": 1},
        http={"port": 0},
        snapshot={"location": "memory://"},
    )
