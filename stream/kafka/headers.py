"""Header names that are not UTF-8: the broker accepts them, but the library cannot read a batch with one.

A stream must not stop at such a record. So each non-ASCII byte of such a name is replaced by a question mark
before the library reads the record again. Nothing else of it changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint


def read_any_header() -> None:
    """Make the library read records with any header names; once per process."""
    read: Callable[..., Any] = DefaultRecordBatch._read_msg
    if hasattr(read, "__wrapped__"):
        return

    @functools.wraps(read)
    def read_anyway(batch: DefaultRecordBatch) -> Any:
        begin = batch._pos
        try:
            return read(batch)
        except UnicodeDecodeError:
            batch._buffer = bytearray(batch._buffer)
            _make_names_legible(batch._buffer, begin)
            batch._pos = begin
            return read(batch)

    DefaultRecordBatch._read_msg = read_anyway


def _make_names_legible(buffer: bytearray, position: int) -> None:
    """Replace header names that are not UTF-8 in the record at a position of a batch, in place."""
    # Length, attributes, time stamp and offset come before the key and the value.
    for _ in range(4):
        _, position = decode_varint(buffer, position)
    for _ in ("key", "value"):
        position = _after_bytes(buffer, position)
    headers, position = decode_varint(buffer, position)
    for _ in range(headers):
        length, position = decode_varint(buffer, position)
        end = position + length
        try:
            buffer[position:end].decode()
        except UnicodeDecodeError:
            buffer[position:end] = bytes(byte if byte < 128 else ord("?") for byte in buffer[position:end])
        position = _after_bytes(buffer, end)


def _after_bytes(buffer: bytearray, position: int) -> int:
    """Return the position after length-prefixed bytes; a negative length means null."""
    length, position = decode_varint(buffer, position)
    return position + max(0, length)
