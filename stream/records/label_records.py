"""The records on the label-stats topic: statistics of a label, and of a partition as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream.records.schema import Count, Share


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of one label on one partition.

    Parameters
    ----------
    label
        Its name: the record's key.
    count, predicted, hits
        Messages that had it, for which it was predicted, and both.
    f1
        2 hits / (count + predicted).
    first_seen, last_seen
        Offsets of the first and the latest message that carried it; -1 before the first.
    rate, usual
        Share of the latest and of the usual messages that carry it.
    cluster
        Id of its cluster; None where the learner has none.
    updates
        Messages the partition had learned from by then: `rate` fades with those that come later.
    """

    label: str
    count: Count
    predicted: Count
    hits: Count
    f1: Share
    first_seen: int
    last_seen: int
    rate: Share
    usual: Share
    cluster: Count | None
    updates: Count


class PartitionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of one partition as a whole; its key is empty.

    Parameters
    ----------
    updates
        Messages learned from.
    scores
        Prequential scores over the latest messages, by name.
    learner
        The learner's own statistics: labels, clusters and so on.
    splits
        The tree of label clusters: each inner node with its two children.
    watched
        Current measurements of the drift monitors, by detector: statistic and threshold.
    """

    updates: Count
    scores: dict[str, float]
    learner: dict[str, float]
    splits: Sequence[tuple[int, int, int]]
    watched: dict[str, tuple[float, float]]
