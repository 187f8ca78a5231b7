"""`ithaca taxonomy show|proposals|apply`: the label tree, proposals for it, and operations on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.console import Config, Failure, Group, Stream, examples, load_settings, say

app = typer.Typer(
    name="taxonomy",
    help="The tree of labels, and what is proposed for it.",
    epilog=examples("ithaca taxonomy show"),
    cls=Group,
)


@app.command(epilog=examples("ithaca taxonomy show --config ithaca.toml"))
def show(config: Config = None, stream: Stream = None) -> None:
    """Draw the tree of the newest snapshots, with counts of messages."""
    from rich.console import Console

    from stream.taxonomy import drawn, taxonomies

    settings = load_settings(config, stream)
    grown = taxonomies(settings)
    what = "lessons" if settings.model.scope == "stream" else "partition"
    at = ", ".join(f"{what} {partition} at offset {each.offset}" for partition, each in grown.items())
    Console().print(drawn(grown, f"{settings.stream}: {at}"))


@app.command(epilog=examples("ithaca taxonomy proposals --stream news > proposals.json"))
def proposals(config: Config = None, stream: Stream = None) -> None:
    """Print what is proposed as JSON for `apply`, the surest first.

    What has been withdrawn or applied is left out.
    """
    from stream.kafka import History
    from stream.records import topic
    from stream.taxonomy import proposals, write_proposals

    settings = load_settings(config, stream)
    history = History(settings.kafka, topic(settings.stream, "drift"))
    try:
        typer.echo(write_proposals(proposals(history.records())))
    finally:
        history.close()


@app.command(
    epilog=examples(
        "ithaca taxonomy apply proposals.json --dry-run", "ithaca taxonomy apply proposals.json --stream news"
    )
)
def apply(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A JSON array of control records."),
    ],
    config: Config = None,
    stream: Stream = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; write nothing.")] = False,
) -> None:
    """Write operations to the control topic: all of them or none.

    They are accepted proposals, or operations of your own. They are checked first, in their order, against
    the newest snapshots: one that every partition would refuse stops it all, with status 1. Where Ctrl-C
    comes while they are written, that may be done all the same, which is said.
    """
    from stream.kafka import ensure_topics, write_together
    from stream.records import Limits, control_output, in_words, topic
    from stream.taxonomy import read_proposals, refusals, refusals_in_words, taxonomies

    settings = load_settings(config, stream)
    controls = read_proposals(file)
    grown = taxonomies(settings)
    refused = refusals(grown, controls, Limits(**settings.limits.model_dump()))
    for sentence in refusals_in_words(controls, refused, len(grown)):
        typer.echo(f"refused: {sentence}", err=True)
    if any(len(why) == len(grown) for why in refused):
        raise Failure(f"Nothing was written. Take what is refused out of {file}, or correct it.")
    for control in controls:
        typer.echo(in_words(control))
    name = topic(settings.stream, "control")
    if dry_run or not controls:
        typer.echo(f"{len(controls)} operations could be written to {name}; nothing was.")
        return
    ensure_topics(settings.kafka, settings.stream)
    try:
        write_together(settings.kafka, settings.stream, lambda: map(control_output, controls))
    except KeyboardInterrupt:
        say(f"warning: all of it may be on {name}, or nothing. Look at it before you apply {file} again.")
        raise
    typer.echo(f"{len(controls)} operations written to {name}; a worker applies them on every partition.")
