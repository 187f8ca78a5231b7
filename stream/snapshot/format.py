"""One file a snapshot: a preamble, a JSON header, and raw arrays. Nothing in it is executed.

    magic (8 bytes) | format version (u32) | header's length (u64) | header's checksum (32 bytes)
    header: JSON, with the state's plain values, and dtype, shape and checksum of each array
    arrays: raw bytes in C order, one after another, as the header lists them

Numbers are little-endian. The header's checksum covers what stands before it too; checksums are
BLAKE2b-256. Whatever is not exactly as it was written is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import State, digest
from stream.snapshot import migrations
from stream.snapshot.contents import Identity, Path, Snapshot, SnapshotError, arrays

MAGIC = b"\x89ITHACA\n"
_BEGIN = struct.Struct("<8sIQ")
_CHECKSUM = 32


def dump(snapshot: Snapshot) -> Iterator[bytes | memoryview]:
    """Return a snapshot's file, piece by piece.

    Raises
    ------
    TypeError
        When the state is not made of dictionaries with string keys, arrays and plain JSON values.
    """
    found = [
        (path, np.ascontiguousarray(array).reshape(array.shape)) for path, array in arrays(snapshot.state)
    ]
    header = json.dumps(
        {
            "identity": snapshot.identity._asdict(),
            "offset": snapshot.offset,
            "updates": snapshot.updates,
            "taken_at": snapshot.taken_at,
            "written_by": snapshot.written_by,
            "digest": digest(snapshot.state),
            "values": _values(snapshot.state),
            "arrays": [_entry(path, array) for path, array in found],
        }
    ).encode()
    begin = _BEGIN.pack(MAGIC, migrations.VERSION, len(header))
    yield begin + _checksum(begin, header) + header
    for _, array in found:
        yield _raw(array)


def parse(content: bytes, name: str) -> Snapshot:
    """Return the snapshot in a file, brought to the present format.

    Parameters
    ----------
    content
        The whole file.
    name
        What to call it when it is refused.

    Raises
    ------
    SnapshotError
        When it is truncated, damaged, no snapshot, or of a format that this version cannot read.
    """
    version, header, begin = _header(content, name)
    state: State = header["values"]
    for entry in header["arrays"]:
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        end = begin + dtype.itemsize * math.prod(shape)
        raw = content[begin:end]
        if len(raw) != end - begin:
            raise SnapshotError(f"{name} is truncated: it has {len(content)} bytes and should have more.")
        if _checksum(raw).hex() != entry["checksum"]:
            raise SnapshotError(f"{name} is damaged: {'/'.join(entry['path'])} is not what was written.")
        # A copy, because what is loaded is learned on.
        _put(state, entry["path"], np.frombuffer(raw, dtype).reshape(shape).copy())
        begin = end
    if begin != len(content):
        raise SnapshotError(f"{name} is damaged: {len(content) - begin} bytes follow its end.")
    if digest(state) != header["digest"]:
        raise SnapshotError(f"{name} is damaged: its parts do not add up to the state that was written.")
    snapshot = Snapshot(
        Identity(**header["identity"]),
        header["offset"],
        header["updates"],
        header["taken_at"],
        header["written_by"],
        state,
    )
    return migrations.migrate(snapshot, version, name)


def _header(content: bytes, name: str) -> tuple[int, dict[str, Any], int]:
    """Return the format version, the header, and where the arrays begin."""
    if not content.startswith(MAGIC[: len(content)]):
        raise SnapshotError(f"{name} is no snapshot: it does not begin as one.")
    start = _BEGIN.size + _CHECKSUM
    if len(content) < start:
        raise SnapshotError(f"{name} is truncated: {len(content)} bytes are less than any snapshot has.")
    _, version, length = _BEGIN.unpack_from(content)
    migrations.check(version, name)
    header = content[start : start + length]
    if len(header) != length:
        raise SnapshotError(f"{name} is truncated, or damaged: its header should have {length} bytes.")
    if _checksum(content[: _BEGIN.size], header) != content[_BEGIN.size : start]:
        raise SnapshotError(f"{name} is damaged: its header is not what was written.")
    return version, json.loads(header), start + length


def _entry(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.hasobject:
        raise TypeError(f"The state's {'/'.join(path)} is an array of objects; only numbers can be written.")
    return {
        "path": path,
        "dtype": array.dtype.str,
        "shape": array.shape,
        "checksum": _checksum(_raw(array)).hex(),
    }


def _raw(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _values(state: State) -> State:
    """Return the state with None where arrays are, having made sure that JSON keeps its keys."""
    for key in state:
        if not isinstance(key, str):
            raise TypeError(f"The state has the key {key!r}; only strings come back from JSON as they were.")
    return {
        key: _values(value) if isinstance(value, dict) else None if isinstance(value, np.ndarray) else value
        for key, value in state.items()
    }


def _put(state: State, path: list[str], array: NDArray[Any]) -> None:
    for key in path[:-1]:
        state = state[key]
    state[path[-1]] = array


def _checksum(*parts: bytes | memoryview) -> bytes:
    running = hashlib.blake2b(digest_size=_CHECKSUM)
    for part in parts:
        running.update(part)
    return running.digest()
