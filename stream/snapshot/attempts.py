"""Notes that survive a kill: the offset at which work began and did not end, and the records left out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from stream.records import Record
from stream.snapshot.store import Store

NAME = "attempts.json"
MOST_ATTEMPTS = 3
"""Attempts at one record that may end the process before the record is left out."""

log = logging.getLogger(__name__)


class _Begun(NamedTuple):
    """Work that began: its offset, the offset after the last suspect record, and the number of attempts."""

    offset: int
    until: int
    attempts: int


class Attempts:
    """Limits the restarts at one record, whatever ends the process there: memory, a kill, a time limit.

    Before a partition's first batch its offsets are noted beside the snapshots, and the note is removed when
    the batch is processed. If a note is found, a process ended in that batch: its records are processed one
    at a time, until the one at which `MOST_ATTEMPTS` processes ended is left out. Later batches are not
    noted, so that notes cost a stream nothing; a process that ends there causes one restart without a note.

    Parameters
    ----------
    store
        The partition's snapshots.

    Attributes
    ----------
    refused
        Offsets of the records that are left out, with the reasons.
    watching
        Whether work is noted: until the partition's first batch is processed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        noted = store.read_json(NAME) or {}
        if noted.get("topic_id", store.identity.topic_id) != store.identity.topic_id:
            noted = {}  # Offsets of an earlier topic of that name.
        self.refused: dict[int, str] = {int(offset): why for offset, why in noted.get("refused", {}).items()}
        self._begun = _Begun(*noted["begun"]) if noted.get("begun") else None
        self.watching = True

    def begin(self, records: Sequence[Record]) -> Sequence[Record]:
        """Note that work on some records begins, and return those to process at once."""
        first, last = records[0].offset, records[-1].offset
        if not self.watching:
            return records
        before = self._begun
        if before is None or not before.offset <= first < before.until:
            self._note(_Begun(first, last + 1, 1))
            return records
        attempts = before.attempts + 1 if first == before.offset else 1
        if attempts > MOST_ATTEMPTS:
            self.refused[first] = f"the process ended {MOST_ATTEMPTS} times while it worked at this record"
        self._note(_Begun(first, before.until, attempts))
        return records[:1]

    def end(self, next_offset: int) -> None:
        """Note that the process survived its work, up to an offset."""
        if not self.watching or self._begun is None:
            return
        self.watching = next_offset < self._begun.until
        self._note(self._begun._replace(offset=next_offset, attempts=0) if self.watching else None)

    def refuse(self, offset: int, why: str) -> None:
        """Leave a record out, now and after every restart."""
        self.refused[offset] = why
        self._note(self._begun)

    def _note(self, begun: _Begun | None) -> None:
        self._begun = begun
        try:
            oldest = min(self._store.offsets(), default=0)  # Records before it are not relearned.
            refused = {str(offset): why for offset, why in self.refused.items() if offset >= oldest}
            notes = {"topic_id": self._store.identity.topic_id, "begun": begun, "refused": refused}
            self._store.write_json(NAME, notes)
        except Exception as error:
            # Any kind of storage may raise its own exceptions; none is a reason to stop the stream.
            log.warning("a kill would lose at which record the process was: %s", error)
