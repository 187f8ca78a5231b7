"""The command line: `ithaca COMMAND`, one module per command or group of commands.

Slow imports are deferred: a command imports what it needs when it is called.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stream import __version__
from stream.cli import (
    benchmark,
    broker,
    catalogue,
    console,
    dashboard,
    evaluate,
    produce,
    replay,
    run,
    snapshot,
    taxonomy,
)

app = typer.Typer(
    name="ithaca",
    cls=console.Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ithaca {__version__}")
        raise typer.Exit


@app.callback(
    epilog=console.examples(
        "ithaca demo --events 20000",
        "ithaca evaluate events.jsonl.gz --learner ihomer",
        "ithaca run --config ithaca.toml",
    )
)
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Label a stream of events while learning from it."""
    del version


for module in (run, produce, replay, evaluate, benchmark, catalogue, dashboard, broker, snapshot, taxonomy):
    app.add_typer(module.app)
