"""What is in snapshot files, told to people."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import typer
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from drift.core import State, arrays_in, digest
from stream.snapshot.contents import Snapshot, SnapshotError
from stream.snapshot.format import parse
from stream.snapshot.store import SUFFIX


def show(where: str) -> None:
    """Show whose state a snapshot is, up to which offset, and how large its parts are."""
    files, paths = _found(where)
    for path in paths:
        content = files.cat_file(path)
        snapshot = _parsed(content, path)
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
            Console().print(_parts(snapshot.state))


def verify(where: str) -> bool:
    """Say which snapshots are whole and readable; return whether one is not."""
    files, paths = _found(where)
    bad = 0
    for path in paths:
        try:
            parse(files.cat_file(path), path)
            typer.echo(f"{path}: whole")
        except SnapshotError as error:
            bad += 1
            typer.echo(f"{error}")
    typer.echo(f"{len(paths) - bad} whole, {bad} not")
    return bool(bad)


def diff(first: str, second: str) -> bool:
    """Show where two snapshots differ; return whether they do."""
    one, other = (_flat(_read(where).state) for where in (first, second))
    differences = 0
    for path in sorted({*one, *other}):
        said = _difference(one.get(path, _ABSENT), other.get(path, _ABSENT))
        if said:
            differences += 1
            typer.echo(f"{path}: {said}")
    typer.echo(f"{differences} of {len({*one, *other})} parts differ")
    return bool(differences)


_ABSENT = object()


def _difference(one: Any, other: Any) -> str:
    if _ABSENT in (present := [value if value is _ABSENT else None for value in (one, other)]):
        return f"only in the {'second' if present[0] is _ABSENT else 'first'}"
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return "" if digest({"": one}) == digest({"": other}) else f"{_short(one)} and {_short(other)}"
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return f"{one.dtype}{list(one.shape)} and {other.dtype}{list(other.shape)}"
    apart = _apart(one, other)
    if not apart.any():
        return ""
    said = f"{int(apart.sum())} of {one.size} values"
    if one.dtype.kind != "f":
        return said
    return f"{said}, by {float(np.nanmax(np.abs(one - other)[apart], initial=0.0)):.3g} at most"


def _apart(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    both_missing = np.isnan(one) & np.isnan(other) if one.dtype.kind == "f" else np.zeros(one.shape, np.bool_)
    return np.asarray((one != other) & ~both_missing)


def _parts(state: State) -> Table:
    table = Table("part", "type", "shape", "bytes")
    for path, array in arrays_in(state):
        table.add_row("/".join(path), str(array.dtype), str(list(array.shape)), f"{array.nbytes:,}")
    return table


def _flat(state: State, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}/")
        else:
            flat[prefix + key] = value
    return flat


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read(where: str) -> Snapshot:
    files, path = _reached(where)
    if not files.exists(path):
        raise _failure(f"There is no file {where}. `ithaca snapshot show` lists those there are.")
    return _parsed(files.cat_file(path), where)


def _parsed(content: bytes, name: str) -> Snapshot:
    try:
        return parse(content, name)
    except SnapshotError as error:
        raise _failure(str(error)) from error


def _found(where: str) -> tuple[AbstractFileSystem, list[str]]:
    files, path = _reached(where)
    if not files.exists(path):
        raise _failure(f"There is nothing at {where}. Name a snapshot or the folder in snapshot.location.")
    if not files.isdir(path):
        return files, [path]
    found = sorted(name for name in files.find(path) if name.endswith(SUFFIX))
    if not found:
        raise _failure(f"There is no snapshot in {where}; their names end in {SUFFIX}.")
    return files, found


def _reached(where: str) -> tuple[AbstractFileSystem, str]:
    try:
        return url_to_fs(where)
    except (ImportError, ValueError) as error:
        raise _failure(f"{where} cannot be reached: {error}") from error


def _failure(message: str) -> typer.Exit:
    typer.echo(f"ithaca: {message}", err=True)
    return typer.Exit(1)
