"""What settings would cost: snapshots that are there and were made with others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stream.config import Settings
from stream.records import topic
from stream.snapshot.contents import Identity
from stream.snapshot.store import Store, partitions


class _Lost(NamedTuple):
    """A partition whose newest snapshot is of no use: its offset, and that of the newest one of use."""

    partition: int
    offset: int
    usable: int


def unusable(settings: Settings) -> list[str]:
    """Return a sentence about each set of other settings that made the newest snapshots of partitions.

    A worker that starts with these settings does not use such snapshots: it relearns what they hold.

    Raises
    ------
    ImportError, OSError, ValueError
        When snapshot.location cannot be reached.
    """
    place, name = (settings.snapshot.location, settings.group), topic(settings.stream, "events")
    lost: defaultdict[str, list[_Lost]] = defaultdict(list)
    described: dict[str, Mapping[str, Any] | None] = {}
    for partition in partitions(*place, name):
        store = Store(*place, Identity(name, None, partition, settings.configuration))
        offset, theirs = max(store.kept(), default=(0, store.short))
        if theirs != store.short:
            lost[theirs].append(_Lost(partition, offset, max(store.offsets(), default=0)))
            described[theirs] = described.get(theirs) or store.described(theirs)
    return [_sentence(settings, each, described[theirs]) for theirs, each in lost.items()]


def _sentence(settings: Settings, lost: Sequence[_Lost], theirs: Mapping[str, Any] | None) -> str:
    where = ", ".join(f"{each.partition} (offset {each.offset})" for each in lost)
    cost = sum(each.offset - each.usable for each in lost)
    return (
        f"The newest snapshots of {topic(settings.stream, 'events')} in {settings.snapshot.location} were "
        "made with other settings, and a worker with these does not use them: "
        f"partition {where}. {_difference(settings, theirs)} It relearns about {cost:,} offsets, as far as "
        "the broker still has them; with the former settings it goes on from these snapshots."
    )


def _difference(settings: Settings, theirs: Mapping[str, Any] | None) -> str:
    ours = json.loads(settings.canonical)
    if theirs is None:
        return f"Which setting differs was not written down with them; it is in one of {', '.join(ours)}."
    differing = [
        f"{section}.{key} is {ours[section].get(key)!r}, and was {theirs.get(section, {}).get(key)!r}"
        for section in ours
        for key in {**ours[section], **theirs.get(section, {})}
        if ours[section].get(key) != theirs.get(section, {}).get(key)
    ]
    return f"{'; '.join(differing)}."
