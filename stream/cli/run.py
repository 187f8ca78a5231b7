"""`ithaca run`, `ithaca check-config`, `ithaca demo`: the service, its settings, and a demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import Config, Stream, examples, load_settings, say, usage

if TYPE_CHECKING:
    from stream.config import Settings

app = typer.Typer()


@app.command(epilog=examples("ithaca run", "ithaca run --config ithaca.toml --stream news"))
def run(config: Config = None, stream: Stream = None) -> None:
    """Label a stream live, learning from it, until Ctrl-C.

    SIGTERM ends it likewise: the batch in hand is finished and committed, and a last snapshot taken. The exit
    status is 1 where one of them could not be.
    """
    settings = load_settings(config, stream)
    check(settings)
    from stream.telemetry import configure_logs
    from stream.worker import serve

    configure_logs(settings.log.level, settings.log.format)
    serve(settings)


@app.command(epilog=examples("ithaca check-config --config ithaca.toml"))
def check_config(config: Config = None, stream: Stream = None) -> None:
    """Print the settings, and warn of what they would cost.

    Secrets are not shown. The exit status is 2 where the settings cannot be used. A warning on standard error
    says which files cannot be read here, and where snapshots that are there would be of no use with these
    settings.
    """
    settings = load_settings(config, stream)
    check(settings)
    from stream.config import masked
    from stream.snapshot import costs

    for sentence in (*settings.kafka.unreadable, *costs(settings)):
        say(f"warning: {sentence}")
    typer.echo(masked(settings.model_dump_json(indent=2)))


@app.command(epilog=examples("ithaca demo", "ithaca demo --events 20000"))
def demo(
    events: Annotated[
        int, typer.Option(metavar="N", min=0, help="End after this many; 0: go on until Ctrl-C.")
    ] = 0,
) -> None:
    """Show it all on one machine, with a made-up stream."""
    from stream.demo import play

    play(events)


def check(settings: Settings) -> None:
    """Report what cannot be built with these settings, or kept, before anything else is done."""
    from stream.pipeline import make_replica, make_task
    from stream.snapshot import check_location

    with usage():
        check_location(settings.snapshot.location)
        make_task(settings)
        if settings.model.scope == "stream":
            make_replica(settings)
