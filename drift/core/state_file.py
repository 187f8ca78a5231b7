"""Files of states: a preamble, a JSON header, and raw arrays. Nothing in them is executed.

    magic (8 bytes) | format version (u32) | header's length (u64) | header's checksum (32 bytes)
    header: JSON, with the state's plain values, and dtype, shape and checksum of each array
    arrays: raw bytes in C order, one after another, as the header lists them

Numbers are little-endian. The header's checksum also covers the preamble; checksums are BLAKE2b-256.
A file that differs in any byte from what was written is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from drift.core.state import State, digest

Path = tuple[str, ...]

PICKLE = "pickle"
"""Key under which a state holds a pickle, as an array of bytes: loading it executes code."""

_BEGIN = struct.Struct("<8sIQ")
_CHECKSUM = 32


@dataclasses.dataclass(frozen=True)
class StateFormat:
    r"""A file format for a state and a header of plain JSON values.

    Parameters
    ----------
    magic
        The 8 bytes that files begin with.
    kind
        What such files are called in error messages, such as "snapshot".
    check
        Called with a file's format version and its name; raises `error` where that version cannot be read.
    error
        Type of the exception that is raised for a refused file.
    advice
        Advice that ends the error message, one sentence; empty (the default) for none.

    Examples
    --------
    >>> import numpy as np
    >>> notes = StateFormat(b"\x89NOTES\r\n", "note", lambda version, name: None, ValueError)
    >>> content = b"".join(notes.dump(1, {"by": "me"}, {"a": np.zeros(2), "b": 3}))
    >>> notes.parse(content, "it")
    (1, {'by': 'me'}, {'a': array([0., 0.]), 'b': 3})
    >>> notes.parse(content[:-1], "it")
    Traceback (most recent call last):
    ...
    ValueError: it is truncated: it has 327 bytes and should have more.
    """

    magic: bytes
    kind: str
    check: Callable[[int, str], None]
    error: type[ValueError]
    advice: str = ""

    def dump(self, version: int, header: State, state: State) -> Iterator[bytes | memoryview]:
        """Return the content of a file, piece by piece.

        Raises
        ------
        TypeError
            When the state is not made of dictionaries with string keys, arrays and plain JSON values.
        """
        found = [(path, np.ascontiguousarray(array).reshape(array.shape)) for path, array in arrays_in(state)]
        written = json.dumps(
            {
                **header,
                "digest": digest(state),
                "values": _values(state),
                "arrays": [_entry(path, array) for path, array in found],
            }
        ).encode()
        begin = _BEGIN.pack(self.magic, version, len(written))
        yield begin + _checksum(begin, written) + written
        for _, array in found:
            yield _raw(array)

    def write(self, path: FilePath, version: int, header: State, state: State) -> None:
        """Write a file beside `path`, which takes its place once all of it is written; else nothing is left.

        Raises
        ------
        TypeError
            As `dump`.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                file.writelines(self.dump(version, header, state))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def parse(self, content: bytes, name: str) -> tuple[int, State, State]:
        """Return a file's format version, header and state.

        Parameters
        ----------
        content
            The whole file.
        name
            Name of the file in error messages.

        Raises
        ------
        ValueError
            Of the type `error`: when the file is truncated, damaged, of another kind, or of a format version
            that cannot be read.
        """
        version, header, begin = self._header(content, name)
        state: State = header.pop("values")
        for entry in header.pop("arrays"):
            dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
            end = begin + dtype.itemsize * math.prod(shape)
            raw = content[begin:end]
            if len(raw) != end - begin:
                self._refuse(f"{name} is truncated: it has {len(content)} bytes and should have more.")
            if _checksum(raw).hex() != entry["checksum"]:
                self._refuse(f"{name} is damaged: {'/'.join(entry['path'])} is not what was written.")
            # A copy, because loaded arrays are updated in place.
            _put(state, entry["path"], np.frombuffer(raw, dtype).reshape(shape).copy())
            begin = end
        if begin != len(content):
            self._refuse(f"{name} is damaged: {len(content) - begin} bytes follow its end.")
        if digest(state) != header.pop("digest"):
            self._refuse(f"{name} is damaged: its parts do not add up to the state that was written.")
        return version, header, state

    def _header(self, content: bytes, name: str) -> tuple[int, dict[str, Any], int]:
        """Return the format version, the header, and the offset of the first array."""
        if not content.startswith(self.magic[: len(content)]):
            self._refuse(f"{name} is no {self.kind}: it does not begin as one.")
        start = _BEGIN.size + _CHECKSUM
        if len(content) < start:
            self._refuse(f"{name} is truncated: {len(content)} bytes are less than any {self.kind} has.")
        _, version, length = _BEGIN.unpack_from(content)
        self.check(version, name)
        header = content[start : start + length]
        if len(header) != length:
            self._refuse(f"{name} is truncated, or damaged: its header should have {length} bytes.")
        if _checksum(content[: _BEGIN.size], header) != content[_BEGIN.size : start]:
            self._refuse(f"{name} is damaged: its header is not what was written.")
        return version, json.loads(header), start + length

    def _refuse(self, why: str) -> NoReturn:
        raise self.error(f"{why} {self.advice}".rstrip())


def arrays_in(state: State, path: Path = ()) -> Iterator[tuple[Path, NDArray[Any]]]:
    """Iterate over a state's arrays, in order, each with the keys that lead to it."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from arrays_in(value, (*path, key))
        elif isinstance(value, np.ndarray):
            yield (*path, key), value


def holds_pickle(state: State) -> bool:
    """Return whether a state contains a pickle."""
    return any(PICKLE in path for path, _ in arrays_in(state))


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
    """Return the state with None in place of arrays, after checking that its keys survive JSON."""
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
