"""The labels in the dashboard: one entry per label, with figures from all partitions."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from learners.metrics import f1
from stream.pipeline import SHORT_HALF_LIFE
from stream.records import LabelRecord

LABELS_KEPT = 50_000
"""Most labels whose figures are kept; one heard of longest ago is forgotten, and new when it is back."""
HISTORY = 48
"""Number of past rates kept per label, for its curve."""
SILENT = 8.0
"""Expected occurrences without an actual one after which a label counts as silent: probability e⁻⁸."""
SAMPLE = 2 * SHORT_HALF_LIFE / math.log(2)
"""Effective sample size of a decayed share, in messages."""


class LabelFigures(NamedTuple):
    """Figures of a label over all partitions.

    Parameters
    ----------
    name
        The label.
    occurrences, predicted, hits, f1
        `count` and the others of `LabelRecord`, added up.
    rate, usual, change
        Present and long-term share of the messages, and their difference in standard deviations.
    silent
        Number of occurrences expected since the last one.
    clusters
        The label's cluster, by partition.
    """

    name: str
    occurrences: int
    predicted: int
    hits: int
    f1: float
    rate: float
    usual: float
    change: float
    silent: float
    clusters: dict[int, int]


class Birth(NamedTuple):
    """Where a label was first seen; the time is None if that was not observed."""

    partition: int
    offset: int
    time: float | None


class Label:
    """The latest record of a label from each partition."""

    __slots__ = ("birth", "history", "last", "name", "occurred", "records")

    def __init__(self, name: str) -> None:
        self.name = name
        self.birth: Birth | None = None
        self.last: dict[int, int] = {}
        self.occurred: dict[int, int] = {}
        self.records: dict[int, LabelRecord] = {}
        self.history: collections.deque[tuple[int, float]] = collections.deque(maxlen=HISTORY)

    def take(self, partition: int, record: LabelRecord) -> None:
        """Take in a newer record: the label has occurred, or was predicted, or its cluster is another."""
        before = self.records.get(partition)
        if before is None or before.last_seen != record.last_seen:
            self.occurred[partition] = record.updates
        self.records[partition] = record
        # Over all partitions together: single partitions in turn would draw a sawtooth.
        updates = sum(each.updates for each in self.records.values())
        rate = sum(each.rate * each.updates for each in self.records.values()) / max(1, updates)
        self.history.append((record.last_seen, rate))

    def figures(self, updates: Mapping[int, int]) -> LabelFigures:
        """Return the figures at the partitions' last writing, given the messages learned by then.

        A label that was not written then, nor seen since its record, has been silent: its rate decays.
        """
        count = predicted = hits = 0
        rate = usual = silent = 0.0
        total = sum(updates.values())
        for partition, record in self.records.items():
            seen = self.last.get(partition, 0) > record.updates
            later = 0 if seen else max(0, updates.get(partition, 0) - record.updates)
            share = updates.get(partition, 0) / total if total else 1.0
            count, predicted, hits = count + record.count, predicted + record.predicted, hits + record.hits
            rate += share * record.rate * 0.5 ** (later / SHORT_HALF_LIFE)
            usual += share * record.usual
            heard = max(self.last.get(partition, 0), self.occurred[partition])
            silent += record.usual * max(0, updates.get(partition, 0) - heard)
        spread = math.sqrt(max(usual, 1.0 / SAMPLE) / SAMPLE)
        return LabelFigures(
            self.name,
            count,
            predicted,
            hits,
            f1(hits, predicted, count, nothing=0.0),
            rate,
            usual,
            (rate - usual) / spread,
            silent,
            {partition: each.cluster for partition, each in self.records.items() if each.cluster is not None},
        )


class Labels:
    """The labels seen, by name: all of them, or those heard of last where they are more than may be kept.

    Parameters
    ----------
    kept
        Most labels kept.

    Examples
    --------
    >>> labels = Labels()
    >>> labels.seen("grain", Birth(0, 7, None)), labels.seen("grain", Birth(0, 9, None))
    (True, False)
    """

    def __init__(self, kept: int = LABELS_KEPT) -> None:
        self._kept = kept
        self._labels: dict[str, Label] = {}
        # The one heard of longest ago comes first; a plain dictionary would have to look for it.
        self._heard: collections.OrderedDict[str, None] = collections.OrderedDict()

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self._labels)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order in which they were first seen."""
        return iter(self._labels)

    def __getitem__(self, name: str) -> Label:
        """Return a label; KeyError if it is unknown."""
        return self._labels[name]

    def __contains__(self, name: str) -> bool:
        """Return whether a label is known."""
        return name in self._labels

    def seen(self, name: str, birth: Birth, updates: int = 0) -> bool:
        """Record that a message carries a label, after `updates` others; return True if the label is new."""
        known = self._hear(name)
        new = known.birth is None
        if new:
            known.birth = birth
        known.last[birth.partition] = updates
        return new

    def _hear(self, name: str) -> Label:
        """Return a label, which is heard of now; one that is new may take the place of another."""
        self._heard[name] = None
        self._heard.move_to_end(name)
        known = self._labels.get(name)
        if known is None:
            known = self._labels[name] = Label(name)
            if len(self._labels) > self._kept:
                longest, _ = self._heard.popitem(last=False)
                del self._labels[longest]
        return known

    def take(self, partition: int, record: LabelRecord) -> None:
        """Take in a partition's record of a label."""
        known = self._hear(record.label)
        known.take(partition, record)
        if known.birth is None or (
            known.birth.partition == partition and 0 <= record.first_seen < known.birth.offset
        ):
            known.birth = Birth(partition, record.first_seen, None)

    def figures(self, updates: Mapping[int, int]) -> list[LabelFigures]:
        """Return the figures of every label that has a record."""
        return [label.figures(updates) for label in self._labels.values() if label.records]

    def births(self) -> Iterable[tuple[str, Birth]]:
        """Return where each label was first seen."""
        return [(name, label.birth) for name, label in self._labels.items() if label.birth is not None]

    def of_cluster(self, partition: int) -> dict[int, list[Label]]:
        """Return the labels of each cluster of a partition, the most frequent first."""
        found: dict[int, list[Label]] = {}
        for label in self._labels.values():
            record = label.records.get(partition)
            if record is not None and record.cluster is not None:
                found.setdefault(record.cluster, []).append(label)
        for labels in found.values():
            labels.sort(key=lambda label: (-label.records[partition].count, label.name))
        return found
