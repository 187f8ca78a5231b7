"""The cost of a change of settings: existing snapshots that were made with others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from stream.config import DETERMINING, PARTS, Settings, masked
from stream.records import topic
from stream.snapshot.contents import Identity
from stream.snapshot.store import ANSWERS, Store, partitions


class _Lost(NamedTuple):
    """A partition whose newest snapshot cannot be used: its offset, and that of the newest usable one."""

    partition: int
    offset: int
    usable: int


def costs(settings: Settings) -> list[str]:
    """Return a sentence for each set of other settings with which the newest snapshots were made.

    A worker that starts with these settings relearns what such snapshots hold; or, if only the settings of
    `stream.config.PARTS` differ, continues from them with those parts reset.
    """
    try:
        return _costs(settings)
    except (ImportError, OSError, ValueError) as error:
        return [masked(f"The snapshots in {settings.snapshot.location} cannot be looked at: {error}.")]


def _costs(settings: Settings) -> list[str]:
    place, name = (settings.snapshot.location, settings.group), topic(settings.stream, settings.learned_from)
    lost: defaultdict[str, list[_Lost]] = defaultdict(list)
    parts: dict[str, list[int]] = {}
    described: dict[str, Mapping[str, Any] | None] = {}
    for partition in partitions(*place, name):
        store = Store(*place, Identity(name, None, partition, settings.configuration))
        offset, theirs = max(store.kept(), default=(0, store.short))
        if theirs == store.short:
            if left := _left(settings, store.described(theirs)):
                parts.setdefault(left, []).append(partition)
        else:
            lost[theirs].append(_Lost(partition, offset, max(store.offsets(), default=0)))
            described[theirs] = described.get(theirs) or store.described(theirs)
    return [
        *_without_lessons(settings),
        *(_sentence(settings, each, theirs, described[theirs]) for theirs, each in lost.items()),
        *(f"{left} Partitions {each}." for left, each in parts.items()),
    ]


def _without_lessons(settings: Settings) -> list[str]:
    """Say so where a shared model would begin with nothing although partitions have models of their own."""
    place, events = (settings.snapshot.location, settings.group), topic(settings.stream, "events")
    learned_from = topic(settings.stream, settings.learned_from)
    if learned_from == events or partitions(*place, learned_from):
        return []
    identities = (Identity(events, None, each, settings.configuration) for each in partitions(*place, events))
    if not any(Store(*place, identity).kept() for identity in identities):
        return []
    return [
        f"The snapshots of {events} in {masked(settings.snapshot.location)} hold a model for each partition; "
        "model.scope is 'stream', and was 'partition'. The shared model begins with nothing and learns the "
        "labels that come from now on; with the former scope the partitions go on from these snapshots."
    ]


def _left(settings: Settings, theirs: Mapping[str, Any] | None) -> str:
    """Return what happens to the parts whose settings differ; empty if there are none."""
    if theirs is None or not (differing := _differing(settings, theirs, PARTS.values())):
        return ""
    parts = [part for part, section in PARTS.items() if any(each.startswith(section) for each in differing)]
    return (
        f"{'; '.join(differing)}. The model goes on from its snapshots; {' and '.join(parts)} begin anew, "
        "unless the former settings are put back."
    )


def _sentence(settings: Settings, lost: Sequence[_Lost], short: str, theirs: Mapping[str, Any] | None) -> str:
    where = ", ".join(f"{each.partition} (offset {each.offset})" for each in lost)
    cost = sum(each.offset - each.usable for each in lost)
    name, location = topic(settings.stream, settings.learned_from), masked(settings.snapshot.location)
    return (
        f"The newest snapshots of {name} in {location} "
        "were made with other settings, and a worker with these does not use them: "
        f"partition {where}. {_difference(settings, short, theirs)} It relearns about {cost:,} "
        "offsets, as far as the broker still has them; with the former settings it goes on from these "
        "snapshots."
    )


def _difference(settings: Settings, short: str, theirs: Mapping[str, Any] | None) -> str:
    differing = ["model.scope is 'partition', and was 'stream'"] if short.endswith(ANSWERS) else []
    if theirs is not None:
        differing += _differing(settings, theirs, DETERMINING)
    elif not differing:
        return f"Which setting differs was not written down with them; it is of {' or '.join(DETERMINING)}."
    return f"{'; '.join(differing)}."


def _differing(settings: Settings, theirs: Mapping[str, Any], sections: Iterable[str]) -> list[str]:
    ours = json.loads(settings.canonical)
    return [
        f"{section}.{key} is {ours[section].get(key)!r}, and was {theirs.get(section, {}).get(key)!r}"
        for section in sections
        for key in {**ours[section], **theirs.get(section, {})}
        if ours[section].get(key) != theirs.get(section, {}).get(key)
    ]
