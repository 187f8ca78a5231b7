"""Recovery: from the newest usable snapshot, or from the beginning; gaps are always reported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from drift.alarms import Alarm
from stream.kafka import RecoveryError
from stream.pipeline import Pipeline
from stream.records import Output, Record, drift_output
from stream.snapshot.contents import StoredSnapshot
from stream.snapshot.store import Store

Made = TypeVar("Made", bound=Pipeline)

log = logging.getLogger(__name__)


class Gap(NamedTuple):
    """Offsets that could not be relearned because they are gone: from `first` to before `beyond`."""

    first: int
    beyond: int


class Recovered(NamedTuple, Generic[Made]):
    """A task that has been restored from its snapshot.

    Parameters
    ----------
    task
        Silent up to the committed offset; reading continues at its `next_offset`.
    kept
        The snapshot it was restored from; None if it starts from the beginning.
    gap
        Offsets that could not be relearned, if any.
    """

    task: Made
    kept: StoredSnapshot | None
    gap: Gap | None

    @property
    def unsaved(self) -> bool:
        """Whether the task rightly lacks earlier offsets, which the next start must not treat as lost."""
        return self.gap is not None or (self.kept is None and self.task.next_offset > 0)


def recover(
    make_task: Callable[[int], Made],
    store: Store,
    *,
    committed: int | None,
    beginning: int,
    rebuild: bool = False,
) -> Recovered[Made]:
    """Return a partition's task as its last owner had it, or as close as a rebuild can come.

    Parameters
    ----------
    make_task
        Creates a new task, given the first offset whose outputs are written.
    store
        The partition's snapshots.
    committed
        Offset that the group has committed; None if it has committed none.
    beginning
        First offset that the broker still holds.
    rebuild
        Whether to go on without events that are gone. False (the default) refuses, because the model would
        differ from that of its last owner.

    Raises
    ------
    RecoveryError
        When events that the model needs are gone, unless `rebuild` is set.
    """
    store.sweep()
    if committed is None:
        if store.offsets():
            log.warning(
                "the model begins anew, without the snapshots in %s: the group has committed no offset. The "
                "topic was deleted and made anew, or the broker has forgotten the offsets",
                store.folder,
            )
        task = make_task(beginning)
        task.next_offset = beginning
        return Recovered(task, None, None)
    task, kept = _newest(make_task, store, committed, max(beginning, committed))
    needed = task.next_offset
    if needed >= beginning:
        return Recovered(task, kept, None)
    if not rebuild:
        raise RecoveryError(_refusal(store, kept, needed, committed, beginning))
    log.warning("rebuilding without offsets %d to %d, which are gone", needed, beginning - 1)
    task.next_offset = beginning
    return Recovered(task, kept, Gap(needed, beginning))


def announcement(task: Pipeline, store: Store, gap: Gap, timestamp: int) -> Output:
    """Return the drift event that reports a gap; `timestamp` is in milliseconds since 1970."""
    missing = gap.beyond - gap.first
    record = Record(store.identity.topic, store.identity.partition, gap.beyond, timestamp, None, None)
    alarm = Alarm("recovery/gap", "structure", "stream", float(missing), 1.0, missing, "rebuilt")
    return drift_output(record, alarm, "gap", task.source)


def _newest(
    make_task: Callable[[int], Made], store: Store, committed: int, live_from: int
) -> tuple[Made, StoredSnapshot | None]:
    for snapshot, size in store.candidates(committed):
        task = make_task(live_from)
        left = store.identity.left(snapshot.identity)
        if left:
            log.warning(
                "set otherwise than in %s, so these begin anew: %s", store.path(snapshot.offset), left
            )
        try:
            fresh = task.state()
            task.load_state(snapshot.state | {part: fresh[part] for part in left})
        except Exception as error:
            # Written by another version of the learner, although in the same format version.
            log.warning(
                "snapshot not used: %s does not fit the task (%s: %s)",
                store.path(snapshot.offset),
                type(error).__name__,
                error,
            )
            continue
        return task, StoredSnapshot(snapshot.offset, size, snapshot.taken_at)
    return make_task(live_from), None


def _refusal(store: Store, kept: StoredSnapshot | None, needed: int, committed: int, beginning: int) -> str:
    topic, partition = store.identity.topic, store.identity.partition
    source = (
        f"the newest usable snapshot is at {needed}" if kept else f"no snapshot in {store.folder} is usable"
    )
    return (
        f"{topic} partition {partition} must be relearned from offset {needed} on ({source}, committed is "
        f"{committed}), but the broker's first offset is {beginning}. Bring back a snapshot between "
        f"{beginning} and {committed}; or set snapshot.rebuild = true to go on without offsets {needed} to "
        f"{beginning - 1}, with a model that never saw them. Longer retention, or a shorter "
        "snapshot.every_s, prevents it."
    )
