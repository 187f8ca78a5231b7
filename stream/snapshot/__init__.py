"""Snapshots: what a task has learned up to an offset, saved in files, and recovery from them."""

from stream.snapshot.attempts import Attempts
from stream.snapshot.compatibility import costs
from stream.snapshot.contents import Identity, Snapshot, SnapshotError, StoredSnapshot, take
from stream.snapshot.format import dump, parse
from stream.snapshot.inspection import differences, find, unloadable
from stream.snapshot.keeper import Keeper
from stream.snapshot.recovery import Gap, Recovered, announcement, recover
from stream.snapshot.store import Store, check_location, newest, partitions

__all__ = [
    "Attempts",
    "Gap",
    "Identity",
    "Keeper",
    "Recovered",
    "Snapshot",
    "SnapshotError",
    "Store",
    "StoredSnapshot",
    "announcement",
    "check_location",
    "costs",
    "differences",
    "dump",
    "find",
    "newest",
    "parse",
    "partitions",
    "recover",
    "take",
    "unloadable",
]
