"""Runs a task without a broker: log, offset and outputs are in memory, and crashes are simulated.

A log holds record values and sentinels. A sentinel takes effect once, at its place: ABORT is a crash before
the batch in flight is committed, PAUSE is a poll without records, SNAPSHOT takes a snapshot, EOF is a clean
end. Driving the same log again resumes as a restarted worker does, so that recovery is a unit test.
"""

from __future__ import annotations

import bisect
import enum
import uuid
from collections.abc import Callable, Sequence

from stream.pipeline import LearnerError, Outcome, Task
from stream.records import Output, Record
from stream.snapshot import Identity, Keeper, Store, announcement, recover


class Sentinel(enum.Enum):
    """What can happen between two records."""

    ABORT = "abort"
    PAUSE = "pause"
    SNAPSHOT = "snapshot"
    EOF = "eof"


ABORT, PAUSE, SNAPSHOT, EOF = Sentinel


class Aborted(Exception):  # noqa: N818
    """The task crashed at an ABORT: its state and the outputs of the batch in flight are lost."""


class Log:
    """One partition's input, and what survives a crash: the committed offset and outputs.

    Parameters
    ----------
    entries
        Records, in offset order, and sentinels between them; an EOF is added at the end.

    Attributes
    ----------
    committed
        First offset that is not committed; None before the first commit.
    beginning
        First offset that has not been deleted.
    outputs
        Committed outputs, in order.
    """

    def __init__(self, entries: Sequence[Record | Sentinel]) -> None:
        self.committed: int | None = None
        self.beginning = 0
        self.outputs: list[Output] = []
        self._records: list[Record] = []
        self._due: dict[int, list[Sentinel]] = {0: []}
        for entry in entries:
            if isinstance(entry, Sentinel):
                self._due[len(self._records)].append(entry)
            else:
                self._records.append(entry)
                self._due[len(self._records)] = []

    def poll(self, offset: int, limit: int) -> tuple[list[Record], Sentinel | None]:
        """Return up to `limit` records from an offset, and the sentinel that ended them, which is used up."""
        begin = bisect.bisect_left(self._records, offset, key=lambda record: record.offset)
        for position in range(begin, min(begin + limit, len(self._records))):
            if self._due[position]:
                return self._records[begin:position], self._due[position].pop(0)
        end = begin + limit
        if end < len(self._records):
            return self._records[begin:end], None
        due = self._due[len(self._records)]
        return self._records[begin:], due.pop(0) if due else EOF

    def put_back(self, records: Sequence[Record], sentinel: Sentinel | None) -> None:
        """Let a sentinel take effect again after records that were not processed."""
        if sentinel is not None and records:
            behind = bisect.bisect_right(self._records, records[-1].offset, key=lambda record: record.offset)
            self._due[behind].insert(0, sentinel)

    def commit(self, outcome: Outcome) -> None:
        """Store a batch's outputs and offset, together."""
        self.outputs.extend(outcome.outputs)
        self.committed = max(self.committed or 0, outcome.next_offset)

    def delete(self, below: int) -> None:
        """Delete the records below an offset, as a broker does after retention; sentinels stay."""
        gone = bisect.bisect_left(self._records, below, key=lambda record: record.offset)
        self._records = self._records[gone:]
        due = self._due
        self._due = {position: [] for position in range(len(self._records) + 1)}
        for position, sentinels in due.items():
            self._due[max(0, position - gone)] += sentinels
        self.beginning = below


def drive(
    log: Log,
    make_task: Callable[[int], Task],
    batch: int = 16,
    store: Store | None = None,
    rebuild: bool = False,
) -> Task:
    """Run a task over a log until EOF and return it; state comes from a snapshot or the log's beginning.

    Parameters
    ----------
    log
        The log to read and commit to.
    make_task
        Makes the task, given the first offset whose outputs count.
    batch
        Most records per batch. The results do not depend on it.
    store
        Where snapshots are stored; with None (the default) they do not outlive the call.
    rebuild
        Whether to go on without records that must be relearned and have been deleted; see `recover`.

    Raises
    ------
    Aborted
        At an ABORT; drive the same log again to recover.
    RecoveryError
        When records that must be relearned have been deleted.

    Examples
    --------
    >>> from drift.monitors import Monitors
    >>> from learners import LabelPriors
    >>> from stream.encoders import Hashing
    >>> value = b'{"id": "1", "ts": 0, "text": "wheat up", "labels": ["grain"]}'
    >>> log = Log([Record("s.events", 0, 0, 0, None, value), ABORT])
    >>> def make_task(live_from):
    ...     return Task(Hashing(), LabelPriors(), Monitors(), run="r", source="/s", live_from=live_from)
    >>> try:
    ...     drive(log, make_task)
    ... except Aborted:
    ...     print(log.committed, len(log.outputs))
    None 0
    >>> drive(log, make_task).next_offset, log.committed, len(log.outputs)
    (1, 1, 1)
    """
    place = store or Store(f"memory://{uuid.uuid4().hex}", "none", Identity("none", "none", 0, "none"))
    refused: dict[int, str] = {}
    while True:
        task = _begin(log, make_task, place, rebuild)
        task.refused = refused
        try:
            return _go_on(log, task, Keeper(place), batch)
        except LearnerError as error:
            refused[error.offset] = error.detail


def _begin(log: Log, make_task: Callable[[int], Task], store: Store, rebuild: bool) -> Task:
    recovered = recover(make_task, store, committed=log.committed, beginning=log.beginning, rebuild=rebuild)
    task = recovered.task
    if recovered.gap is not None:
        log.commit(Outcome([announcement(task, store, recovered.gap, timestamp=0)], task.live_from))
    if recovered.unsaved:
        _save(Keeper(store), task)
    return task


def _go_on(log: Log, task: Task, keeper: Keeper, batch: int) -> Task:
    while True:
        records, sentinel = log.poll(task.next_offset, batch)
        try:
            outcome = task.process(records)
        except LearnerError:
            log.put_back(records, sentinel)
            raise
        if sentinel is ABORT:
            raise Aborted(f"crashed before offsets up to {outcome.next_offset} were committed")
        log.commit(outcome)
        if sentinel is SNAPSHOT:
            _save(keeper, task)
        if sentinel is EOF:
            return task


def _save(keeper: Keeper, task: Task) -> None:
    keeper.save(task)
    keeper.wait(None)
