"""`ithaca run`, `ithaca check-config`, `ithaca demo`: the service, its settings, and a show of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import Config, Stream, examples, load_settings, say, usage

if TYPE_CHECKING:
    from stream.config import Settings

app = typer.Typer()


@app.command(epilog=examples("ithaca run", "ithaca run --config ithaca.toml --stream news"))
def run(config: Config = None, stream: Stream = None) -> None:
    """Label a stream live, learning from it, until SIGTERM or Ctrl-C."""
    settings = load_settings(config, stream)
    check(settings)
    from stream.telemetry import configure_logs
    from stream.worker import serve

    configure_logs(settings.log.level, settings.log.format)
    serve(settings)


@app.command(epilog=examples("ithaca check-config --config ithaca.toml"))
def check_config(config: Config = None, stream: Stream = None) -> None:
    """Print the settings as they would be used, without secrets; status 2 where they cannot be used.

    Says on standard error where the snapshots that there are would be of no use with them.
    """
    settings = load_settings(config, stream)
    check(settings)
    from stream.snapshot import unusable

    try:
        sentences = unusable(settings)
    except (ImportError, OSError, ValueError) as error:
        sentences = [f"The snapshots in {settings.snapshot.location} cannot be looked at: {error}."]
    for sentence in sentences:
        say(f"warning: {sentence}")
    typer.echo(settings.model_dump_json(indent=2))


@app.command(epilog=examples("ithaca demo", "ithaca demo --events 20000"))
def demo(
    events: Annotated[int, typer.Option(min=0, help="End after this many; 0: go on until Ctrl-C.")] = 0,
) -> None:
    """Show it all on one machine: a broker, a made-up stream, a worker, a live view."""
    from stream.demo import play

    play(events)


def check(settings: Settings) -> None:
    """Find out what cannot be built with these settings, before anything else is done."""
    from stream.pipeline import make_task

    with usage():
        make_task(settings)
