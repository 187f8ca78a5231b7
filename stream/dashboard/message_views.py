"""Contents of the view of messages; see `views`."""

from __future__ import annotations

import collections
from typing import Any

import msgspec

from stream.monitoring import RecentPrediction, StreamState, prediction_decoder, words

Json = dict[str, Any]
PAGE = 50
"""Messages sent at a time."""
WHICH = ("all", "wrong", "unsure")
IN_COMMON, USUAL, USUAL_SHARE = 6, 500, 0.05
"""Most words told that two messages have in common; none that a larger share of so many latest ones has."""


def row(state: StreamState, seen: RecentPrediction) -> Json:
    """Return a message as a row of a table: what it says, what was predicted, and what is true."""
    return {
        "partition": seen.partition,
        "offset": seen.offset,
        "time": seen.time,
        "id": seen.id,
        "text": state.partitions[seen.partition].contents.text(seen.offset),
        "labels": seen.labels,
        "truth": seen.truth,
        "wrong": seen.wrong,
        "unsure": seen.unsure,
        "run": seen.run,
    }


def messages(state: StreamState, which: str, query: str, label: str) -> Json:
    """Return the latest messages: one of `WHICH`, with a text in their id or content, with a label."""
    query = query.lower()
    newest: list[RecentPrediction] = []
    for partition in state.partitions.values():
        matching = (
            seen
            for seen in partition.recent.latest()
            if (which != "wrong" or seen.wrong)
            and (which != "unsure" or seen.unsure)
            and (not label or label in seen.labels or label in (seen.truth or ()))
            and (
                not query or query in seen.id.lower() or query in partition.contents.text(seen.offset).lower()
            )
        )
        newest += [seen for seen, _ in zip(matching, range(PAGE), strict=False)]
    newest.sort(key=lambda seen: (seen.time or 0.0, seen.offset), reverse=True)
    return {
        "messages": [row(state, seen) for seen in newest[:PAGE]],
        "kept": sum(len(partition.recent) for partition in state.partitions.values()),
    }


def message(state: StreamState, partition: int, offset: int) -> Json | None:
    """Return one prediction with everything known about it; None if it is not kept."""
    known = state.partitions.get(partition)
    seen = known.recent.at(offset) if known else None
    if known is None or seen is None:
        return None
    found = prediction_decoder.decode(seen.value)
    latest = known.recent.latest()[:USUAL]
    usual = collections.Counter(word for each in latest for word in words(known.contents.text(each.offset)))
    own = {word for word in words(known.contents.text(offset)) if usual[word] <= len(latest) * USUAL_SHARE}
    nearest = []
    for each in found.why.nearest if found.why else []:
        past = known.recent.learned(each.number)
        shared = own & words(known.contents.text(past.offset)) if past else set[str]()
        nearest.append(
            {
                **msgspec.to_builtins(each),
                "message": row(state, past) if past else None,
                "in_common": sorted(shared, key=lambda word: (usual[word], word))[:IN_COMMON],
            }
        )
    clusters = {
        label: state.labels[label].records[partition].cluster
        for label in (*(each.label for each in found.scores), *(found.why.labels if found.why else ()))
        if label in state.labels and partition in state.labels[label].records
    }
    return {
        **row(state, seen),
        "record": msgspec.to_builtins(found),
        "nearest": nearest,
        "clusters": clusters,
        "later": not seen.taught and seen.known is not None,
    }
