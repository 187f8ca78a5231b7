"""`ithaca produce FILE`: writes the events of a file to a stream's topic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import Config, Failure, Stream, bar, examples, load_settings

if TYPE_CHECKING:
    from stream.config import Settings

app = typer.Typer()


@app.command(
    epilog=examples(
        "ithaca produce events.jsonl.gz", "ithaca produce events.jsonl --stream news --limit 1000 --create"
    )
)
def produce(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON lines, gzipped or not.")
    ],
    config: Config = None,
    stream: Stream = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Most events.")] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Write nothing where a line is no event.")
    ] = True,
    create: Annotated[
        bool, typer.Option("--create", help="Create the stream's topics without asking.")
    ] = False,
) -> None:
    """Write a file of events to a stream."""
    settings = load_settings(config, stream)
    from stream.kafka import ensure_topics, produce_values
    from stream.records import topic
    from stream.sources import read_lines

    if check:
        _check(file, limit, settings)
    name = topic(settings.stream, "events")
    if not create:
        _ask(name, settings)
    ensure_topics(settings.kafka, settings.stream)
    with bar(name, limit) as progress:
        values = (line for _, line in read_lines(file, limit))
        count = produce_values(settings.kafka, values, name, progress=progress)
    typer.echo(f"{count} events written to {name}", err=True)


def _check(file: Path, limit: int | None, settings: Settings) -> None:
    """Find out whether every line is what a worker can read, before anything is written."""
    from stream.records import BadEventError, decode
    from stream.sources import read_lines

    total = bad = 0
    first = ""
    for number, line in read_lines(file, limit):
        total += 1
        try:
            decode(line, envelope=settings.envelope)
        except BadEventError as error:
            bad += 1
            first = first or f"line {number}: {error.detail}"
    if bad:
        raise Failure(
            f"{bad} of {total} lines of {file} are no events, and nothing was written; the first is "
            f"{first}. Correct them, or write them as they are with --no-check."
        )


def _ask(name: str, settings: Settings) -> None:
    """Go on where the stream's topics exist, or where a person wants them to be created."""
    from stream.kafka import topics_there

    there = topics_there(settings.kafka)
    if name in there:
        return
    streams = sorted(each.removesuffix(".events") for each in there if each.endswith(".events"))
    missing = f"There is no topic {name}; the broker has {', '.join(streams) or 'no streams'}"
    if not sys.stdin.isatty():
        raise Failure(
            f"{missing}. Create the topics of {settings.stream} with --create, or correct --stream."
        )
    if not typer.confirm(f"{missing}. Create the topics of {settings.stream}?", err=True):
        raise typer.Abort
