"""`ithaca dashboard`: the web page that shows a stream."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import Config, Stream, examples, load_settings

if TYPE_CHECKING:
    from stream.config import Settings

app = typer.Typer()

NOTICED_S = 0.2
"""Time in seconds within which a signal ends the page."""

Beside = Annotated[
    list[str] | None,
    typer.Option(
        "--beside",
        metavar="REPLAY",
        help="A replay to look at too: its file, or its topic. May be given again.",
    ),
]
Port = Annotated[int | None, typer.Option(metavar="N", min=0, max=65_535, help="Port; 0: a free one.")]


@app.command(
    epilog=examples(
        "ithaca dashboard",
        "ithaca dashboard --stream news --beside other.jsonl --port 9480",
    )
)
def dashboard(config: Config = None, stream: Stream = None, beside: Beside = None, port: Port = None) -> None:
    """Show a stream as a web page.

    Scores, drift, labels, their clusters, and why each label was given.
    """
    settings = load_settings(config, stream, dashboard=None if port is None else {"port": port})
    from stream.telemetry import configure_logs

    configure_logs(settings.log.level, settings.log.format)
    show(settings, beside or [])


def show(settings: Settings, beside: Sequence[str]) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Raises
    ------
    NoTokenError
        When other machines could reach it without a token.
    OSError, NotOursError
        When the port is taken, or a replay's file cannot be read or is not one.
    """
    from stream.actions import Actions
    from stream.dashboard import Guard, application
    from stream.monitoring import Feed, StreamState, VitalsWatch, read_file
    from stream.records import Limits
    from stream.telemetry import serving

    ours = settings.dashboard
    guard = Guard(ours.host, ours.token.get_secret_value() if ours.token else None, ours.hosts)
    wanted = settings.confidence.coverage if settings.confidence.enabled else None
    live = StreamState(settings.stream, characters=ours.characters, coverage=wanted)
    limits = Limits(**settings.limits.model_dump())
    feeds = [Feed(live, settings.kafka, settings.stream, envelope=settings.envelope, limits=limits)]
    streams = [live]
    watch = VitalsWatch(settings, live.see)
    for name in beside:
        path = Path(name)
        state = StreamState(path.name if path.is_file() else name, timed=not path.is_file())
        streams.append(state)
        if path.is_file():
            read_file(state, path)
        else:
            feeds.append(Feed(state, settings.kafka, single=name))
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: asked.append(number))
    with ExitStack() as stack:
        made = application(streams, guard, Actions(settings), [str(each) for each in ours.proxies])
        url = stack.enter_context(serving(made, ours.host, ours.port, "dashboard"))
        watch.start()
        stack.callback(watch.stop)
        for feed in feeds:
            feed.start()
            stack.callback(feed.stop)
        typer.echo(f"dashboard: {url}")
        # In short sleeps: a signal just before a wait does not end it, a handler that sets an event that
        # is waited for stands still, and one that raises may do so where nothing passes it on.
        while not asked:
            time.sleep(NOTICED_S)
