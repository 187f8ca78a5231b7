"""A batch that cannot be decoded is passed over, and those around it are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import TopicPartition
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.kafka.clients import record
from stream.kafka.undecodable import LegibleRecords
from stream.records import UNDECODABLE, BadEventError, Record, decode

PLACE = TopicPartition("s.events", 0)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
PADDED = b"%d" + 500 * b" "
"""A batch that does not become smaller is not compressed."""
ATTRIBUTES, BODY = 21, 61
"""Where a batch of format 2 has its attributes, and its records."""


def batch(first: int, codec: str = "none") -> bytearray:
    """Return a batch of five records from an offset on."""
    builder = MemoryRecordsBuilder(2, CODECS[codec], 1 << 16)
    for offset in range(first, first + 5):
        builder.append(0, None, PADDED % offset, [])
    builder.close()
    made = bytearray(builder.buffer())
    made[:8] = first.to_bytes(8, "big")  # Which the broker writes.
    return made


def read(*batches: bytearray, since: int = 0, check_crcs: bool = True) -> list[Record]:
    """Return what a consumer would get of some batches."""
    records = LegibleRecords(since, PLACE, MemoryRecords(bytes(b"".join(batches))), check_crcs=check_crcs)
    return [record(one) for one in records.take()]


def flip(made: bytearray) -> bytearray:
    """Damage the records of a batch."""
    made[BODY + 8] ^= 0xFF
    return made


def other_codec(made: bytearray) -> bytearray:
    """Give a batch a codec that there is none of."""
    made[ATTRIBUTES + 1] |= 7
    return made


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_of_kafka_is_read(codec: str) -> None:
    """As the declared dependencies bring them."""
    if codec == "snappy":
        pytest.importorskip("snappy")
    values = [one.value for one in read(batch(0), batch(5, codec), batch(10))]
    assert values == [PADDED % offset for offset in range(15)]


@pytest.mark.parametrize("damage", [flip, other_codec])
@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd"])
@pytest.mark.parametrize("check_crcs", [True, False])
def test_what_cannot_be_decoded_is_one_record(
    damage: Callable[[bytearray], bytearray], codec: str, check_crcs: bool
) -> None:
    """At the batch's last offset, so that it is not read again, and with its coordinates."""
    got = read(batch(0), damage(batch(5, codec)), batch(10), check_crcs=check_crcs)
    assert [one.offset for one in got] == [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14]
    headers = dict(got[5].headers)
    assert headers[UNDECODABLE].startswith(b"offsets 5 to 9 cannot be decoded: ")
    with pytest.raises(BadEventError, match="offsets 5 to 9") as caught:
        decode(got[5].value, got[5].headers)
    assert caught.value.reason == "undecodable"


def test_a_codec_that_is_not_installed_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason names it."""
    made = batch(0, "gzip")
    monkeypatch.setattr("kafka.codec.has_gzip", lambda: False)
    (got,) = read(made, since=3)
    assert got.offset == 4
    assert b"gzip" in got.headers[0][1]
