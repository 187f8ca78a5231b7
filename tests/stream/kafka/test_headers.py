"""Header names that are not UTF-8 become legible; all else stays as it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.kafka.headers import read_any_header

NAMES = st.text(st.characters(max_codepoint=0x2000), max_size=5)
BYTES = st.none() | st.binary(max_size=200)
RECORDS = st.lists(
    st.tuples(BYTES, BYTES, st.lists(st.tuples(NAMES, BYTES), max_size=3)), min_size=1, max_size=4
)


def read(made: bytearray) -> list[Any]:
    """Return key, value and headers of a batch's records."""
    batch = MemoryRecords(bytes(made)).next_batch()
    return [(each.key, each.value, [*each.headers]) for each in batch]


def batch(records: Any) -> bytearray:
    """Return a batch."""
    builder = MemoryRecordsBuilder(2, 0, 1 << 16)
    for time, (key, value, headers) in enumerate(records):
        builder.append(300 * time, key, value, headers)
    builder.close()
    return bytearray(builder.buffer())


@given(RECORDS, st.integers(0, 3), st.binary(max_size=300))
def test_only_such_a_name_is_changed(records: Any, place: int, key: bytes) -> None:
    """A byte that is no letter becomes a question mark, wherever its record is."""
    read_any_header()
    place = min(place, len(records) - 1)
    marked = [*records]
    marked[place] = key, records[place][1], [("before", b"1"), ("na~~~me", b"\xff"), ("after", None)]
    made = batch(marked)
    expected = read(made)
    assert [each[:2] for each in expected] == [each[:2] for each in marked]
    spoilt = made.replace(b"na~~~me", b"na\xff\xc3(me")
    expected[place][2][1] = ("na??(me", b"\xff")
    assert read(spoilt) == expected


def test_the_library_is_changed_once() -> None:
    """Several clients of one process read through one of them."""
    read_any_header()
    once = DefaultRecordBatch._read_msg
    read_any_header()
    assert DefaultRecordBatch._read_msg is once
