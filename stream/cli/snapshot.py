"""`ithaca snapshot show|verify|diff`: the contents of snapshot files, for people and scripts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import FAILURE, Config, Group, UsageError, examples, load_settings, usage

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from drift.core import State

app = typer.Typer(
    name="snapshot",
    help="Snapshots: what they hold, whether they are whole and load.",
    epilog=examples("ithaca snapshot verify --config ithaca.toml"),
    cls=Group,
)

Where = Annotated[
    str | None,
    typer.Argument(
        metavar="WHERE",
        help="A snapshot, or a folder of them at any depth; a path or an fsspec URL. The default is the "
        "setting snapshot.location.",
    ),
]


@app.command(epilog=examples("ithaca snapshot show", "ithaca snapshot show s3://bucket/snapshots"))
def show(where: Where = None, config: Config = None) -> None:
    """Show whose state a snapshot is, up to where, and how large."""
    from drift.core import digest
    from stream.snapshot import parse

    files, paths = _found(where or _location(config))
    for path in paths:
        content = files.cat_file(path)
        snapshot = parse(content, path)
        identity = snapshot.identity
        taken = datetime.datetime.fromtimestamp(snapshot.taken_at, datetime.UTC)
        typer.echo(path)
        for name, value in {
            "topic": f"{identity.topic} partition {identity.partition} (id {identity.topic_id})",
            "offset": f"{snapshot.offset}, {snapshot.updates} messages learned",
            "taken": f"{taken:%Y-%m-%d %H:%M:%S} UTC by version {snapshot.written_by}",
            "settings": identity.configuration,
            "digest": digest(snapshot.state),
            "size": f"{len(content):,} bytes{', with pickled models' if snapshot.pickled else ''}",
        }.items():
            typer.echo(f"  {name}: {value}")
        if len(paths) == 1:
            _print_parts(snapshot.state)


@app.command(epilog=examples("ithaca snapshot verify", "ithaca snapshot verify /var/lib/ithaca/snapshots"))
def verify(where: Where = None, config: Config = None) -> None:
    """Check that snapshots are whole and load, with the settings beside them; status 1 if one does not."""
    from stream.snapshot import SnapshotError, parse, unloadable

    files, paths = _found(where or _location(config))
    bad = 0
    for path in paths:
        try:
            snapshot = parse(files.cat_file(path), path)
        except SnapshotError as error:
            bad += 1
            typer.echo(f"{error}")
            continue
        try:
            reason = unloadable(files, path, snapshot)
            typer.echo(f"{path}: whole, does not load ({reason})" if reason else f"{path}: whole, loads")
            bad += bool(reason)
        except SnapshotError as unknown:
            typer.echo(f"{path}: whole, not loaded ({unknown})")
    typer.echo(f"{len(paths) - bad} usable, {bad} not")
    if bad:
        raise typer.Exit(FAILURE)


@app.command(epilog=examples("ithaca snapshot diff one.snapshot other.snapshot"))
def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A snapshot.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another one.")],
) -> None:
    """Show where two snapshots differ; status 1 if they do."""
    from stream.snapshot import differences, parse

    states = []
    for where in (first, second):
        files, paths = _found(where)
        if paths[1:]:
            raise UsageError(f"{where} holds {len(paths)} snapshots. Name one of them.")
        states.append(parse(files.cat_file(paths[0]), where).state)
    parts = differences(*states)
    apart = {path: said for path, said in parts.items() if said}
    for path, said in apart.items():
        typer.echo(f"{path}: {said}")
    typer.echo(f"{len(apart)} of {len(parts)} parts differ")
    if apart:
        raise typer.Exit(FAILURE)


def _location(config: Path | None) -> str:
    """Return where the service with these settings keeps its snapshots."""
    return load_settings(config).snapshot.location


def _found(where: str) -> tuple[AbstractFileSystem, list[str]]:
    from stream.snapshot import find

    with usage():
        return find(where)


def _print_parts(state: State) -> None:
    from rich.console import Console
    from rich.table import Table

    from drift.core import arrays_in

    table = Table("part", "type", "shape", "bytes")
    for path, array in arrays_in(state):
        table.add_row("/".join(path), str(array.dtype), str(list(array.shape)), f"{array.nbytes:,}")
    Console().print(table)
