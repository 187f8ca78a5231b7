"""The file of a snapshot, in the layout of `drift.core.StateFormat`: identity and state of a task."""

from __future__ import annotations

from collections.abc import Iterator

from drift.core import StateFormat
from stream.snapshot import migrations
from stream.snapshot.contents import Identity, Snapshot, SnapshotError

_FORMAT = StateFormat(b"\x89ITHACA\n", "snapshot", migrations.check_version, SnapshotError)


def dump(snapshot: Snapshot) -> Iterator[bytes | memoryview]:
    """Return the content of a snapshot's file, piece by piece.

    Raises
    ------
    TypeError
        When the state is not made of dictionaries with string keys, arrays and plain JSON values.
    """
    header = {
        "identity": snapshot.identity._asdict() | {"parts": dict(snapshot.identity.parts)},
        "offset": snapshot.offset,
        "updates": snapshot.updates,
        "taken_at": snapshot.taken_at,
        "written_by": snapshot.written_by,
    }
    return _FORMAT.dump(migrations.VERSION, header, snapshot.state)


def parse(content: bytes, name: str) -> Snapshot:
    """Return the snapshot in a file, converted to the present format.

    Parameters
    ----------
    content
        The whole file.
    name
        Name of the file in error messages.

    Raises
    ------
    SnapshotError
        When it is truncated, damaged, no snapshot, or of a format that this version cannot read.
    """
    version, header, state = _FORMAT.parse(content, name)
    identity = Identity(**header.pop("identity"))
    return migrations.migrate(Snapshot(identity, state=state, **header), version, name)
