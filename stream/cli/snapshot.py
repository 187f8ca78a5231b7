"""`ithaca snapshot show|verify|diff`: what is in snapshot files, for people and scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.config import state_home

app = typer.Typer(help="Snapshots: what they hold, whether they are whole.", no_args_is_help=True)
Where = Annotated[
    str, typer.Argument(help="A snapshot, or a folder of them at any depth; a path or an fsspec URL.")
]
DEFAULT = str(state_home() / "snapshots")

# Reading a state takes what learns, which takes seconds to import.


@app.command()
def show(where: Where = DEFAULT) -> None:
    """Show whose state a snapshot is, up to which offset, and how large its parts are."""
    from stream.snapshot import inspection

    inspection.show(where)


@app.command()
def verify(where: Where = DEFAULT) -> None:
    """Check that snapshots are whole and readable; status 1 if one is not."""
    from stream.snapshot import inspection

    raise typer.Exit(inspection.verify(where))


@app.command()
def diff(first: str, second: str) -> None:
    """Show where two snapshots differ; status 1 if they do."""
    from stream.snapshot import inspection

    raise typer.Exit(inspection.diff(first, second))
