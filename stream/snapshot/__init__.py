"""Snapshots: what a task has learned up to an offset, kept in files, and the way back from them."""

from stream.snapshot.compatibility import unusable
from stream.snapshot.contents import Identity, Snapshot, SnapshotError, StoredSnapshot, take
from stream.snapshot.format import dump, parse
from stream.snapshot.inspection import differences, find
from stream.snapshot.keeper import Keeper
from stream.snapshot.recovery import Gap, Recovered, announcement, recover
from stream.snapshot.store import Store, partitions

__all__ = [
    "Gap",
    "Identity",
    "Keeper",
    "Recovered",
    "Snapshot",
    "SnapshotError",
    "Store",
    "StoredSnapshot",
    "announcement",
    "differences",
    "dump",
    "find",
    "parse",
    "partitions",
    "recover",
    "take",
    "unusable",
]
