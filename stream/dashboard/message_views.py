"""Contents of the view of messages; see `views`."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from stream.monitoring import PartitionState, RecentPrediction, StreamState, prediction_decoder, words

Json = dict[str, Any]
PAGE = 50
"""Messages sent at a time."""
WHICH = ("all", "wrong", "unsure")
IN_COMMON, USUAL, USUAL_SHARE = 6, 500, 0.05
"""Most words told that two messages have in common; none that a larger share of so many latest ones has."""
BEFORE, WITH_WORD, TELLING, SPOKE, EXPLAINED = 2_000, 5, 2.0, 4, 5
"""Messages before one that its words are looked up in; fewest of them with a word that is told of, and its
deviation from the label's usual share, in standard deviations; most words and labels told."""


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


def messages(state: StreamState, which: str, query: str, label: str, run: str = "") -> Json:
    """Return the latest messages: one of `WHICH`, with a text in their id or content, a label, of a run."""
    query = query.lower()
    newest: list[RecentPrediction] = []
    for partition in state.partitions.values():
        matching = (
            seen
            for seen in partition.recent.latest()
            if (which != "wrong" or seen.wrong)
            and (which != "unsure" or seen.unsure)
            and (not label or label in seen.labels or label in (seen.truth or ()))
            and run in ("", seen.run)
            and (
                not query or query in seen.id.lower() or query in partition.contents.text(seen.offset).lower()
            )
        )
        newest += [seen for seen, _ in zip(matching, range(PAGE), strict=False)]
    newest.sort(key=lambda seen: (seen.time or 0.0, seen.offset), reverse=True)
    return {
        "messages": [row(state, seen) for seen in newest[:PAGE]],
        "kept": sum(len(partition.recent) for partition in state.partitions.values()),
        "runs": list(state.runs),
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
    asked = dict.fromkeys((*found.labels, *(seen.truth or ())))
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
        "evidence": _evidence(known, seen, list(asked)[:EXPLAINED]),
        "later": not seen.taught and seen.known is not None,
    }


def _evidence(partition: PartitionState, seen: RecentPrediction, labels: Sequence[str]) -> list[Json]:
    """Return, for each label, which of a message's words came with it more and less often than others before.

    That is what the messages before say, counted; the learner may weigh the words otherwise.
    """
    texts = partition.contents.text
    past = [each for each in partition.recent.around(seen.offset, BEFORE, 0) if each.truth is not None]
    own = words(texts(seen.offset))
    of_word: dict[str, list[set[str]]] = {word: [] for word in sorted(own)}
    for each in past:
        for word in own & words(texts(each.offset)):
            of_word[word].append(set(each.truth or ()))
    found = []
    for label in labels:
        usual = sum(label in (each.truth or ()) for each in past) / max(1, len(past))
        spread = math.sqrt(usual * (1 - usual))
        spoken = []
        for word, carried in of_word.items():
            if len(carried) >= WITH_WORD and spread:
                share = sum(label in each for each in carried) / len(carried)
                spoken.append(((share - usual) / spread * math.sqrt(len(carried)), word, share, len(carried)))
        spoken.sort(reverse=True)
        found.append(
            {
                "label": label,
                "usual": usual,
                "messages": len(past),
                "for": [each[1:] for each in spoken[:SPOKE] if each[0] > TELLING],
                "against": [each[1:] for each in spoken[: -SPOKE - 1 : -1] if each[0] < -TELLING],
            }
        )
    return found
