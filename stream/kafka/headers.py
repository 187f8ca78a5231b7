"""Header names that are no UTF-8: the broker takes them, and the library cannot read a batch that has one.

A stream must not stand still for ever at such a record. So a name that cannot be read gets a question mark
for each of its bytes that is no ASCII, before the library reads the record again. Nothing else of it changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint


def read_any_header() -> None:
    """Make the library read records whatever their headers are called; once for the process."""
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
    """Change the header names of the record at a position of a batch, in place, where they are no UTF-8."""
    # Length, attributes, time stamp and offset stand before the key and the value.
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
    """Return the position behind bytes that have their length before them; a negative one stands for null."""
    length, position = decode_varint(buffer, position)
    return position + max(0, length)
