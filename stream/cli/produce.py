"""`ithaca produce FILE`: writes the events of a file to a stream's topic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.console import Config, Stream, bar, examples, load_settings

app = typer.Typer()


@app.command(
    epilog=examples(
        "ithaca produce events.jsonl.gz", "ithaca produce events.jsonl --stream news --limit 1000"
    )
)
def produce(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON lines, or .gz of them.")
    ],
    config: Config = None,
    stream: Stream = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Most events.")] = None,
) -> None:
    """Write a file of events to a stream."""
    settings = load_settings(config, stream)
    from stream.kafka import ensure_topics, produce_file
    from stream.records import topic

    ensure_topics(settings.kafka, settings.stream)
    name = topic(settings.stream, "events")
    with bar(name, limit) as progress:
        count = produce_file(settings.kafka, file, name, limit=limit, progress=progress)
    typer.echo(f"{count} events written to {name}", err=True)
