"""`ithaca dashboard`: the page on which a stream is watched."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.run import Config, Stream, told
from stream.config import Settings, load
from stream.telemetry import configure_logs

Beside = Annotated[
    list[str] | None,
    typer.Option("--beside", help="A replay to look at too: its file, or its topic. May be given again."),
]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0: a free one.")]


def dashboard(config: Config = None, stream: Stream = None, beside: Beside = None, port: Port = None) -> None:
    """Show a stream as a web page: scores, drift, labels, clusters, and why each label was given."""
    with told():
        settings = load(config, stream=stream, dashboard=None if port is None else {"port": port})
        configure_logs(settings.log.level, settings.log.format)
        show(settings, beside or [])


def show(settings: Settings, beside: Sequence[str]) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Raises
    ------
    NoTokenError
        When others could reach it without a token.
    OSError, NotOursError
        When the port is taken, or a replay's file cannot be read or is none.
    """
    from stream.dashboard import Feed, Guard, StreamState, application, read_file
    from stream.telemetry import serving

    ours, stopping = settings.dashboard, threading.Event()
    guard = Guard(ours.host, ours.token.get_secret_value() if ours.token else None)
    feeds = [Feed(StreamState(settings.stream), settings.kafka, settings.stream)]
    streams = [feeds[0].state]
    for name in beside:
        path = Path(name)
        state = StreamState(path.name if path.is_file() else name, timed=not path.is_file())
        streams.append(state)
        if path.is_file():
            read_file(state, path)
        else:
            feeds.append(Feed(state, settings.kafka, single=name))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        url = stack.enter_context(serving(application(streams, guard), ours.host, ours.port, "dashboard"))
        for feed in feeds:
            feed.start()
            stack.callback(feed.stop)
        typer.echo(f"dashboard: {url}")
        stopping.wait()
