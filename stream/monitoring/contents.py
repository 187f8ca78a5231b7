"""What the latest events of one partition say, shortened; and when they came."""

from __future__ import annotations

import bisect
import re
from typing import NamedTuple

from stream.monitoring.recent_predictions import PREDICTIONS_KEPT
from stream.records import Event, shortened

NAMED = 8
"""Features named of an event without a text: those given as words, then those of the largest magnitude."""

WORD = re.compile(r"[^\W\d_]{3,}")
FEATURE = re.compile(r"[^\s=]+=\S.{0,40}")


class Content(NamedTuple):
    """An event's position, when it was written to its topic, and what it says."""

    offset: int
    time: float
    text: str


class Contents:
    """The latest events' contents, ordered by offset.

    Parameters
    ----------
    characters
        Most characters kept of each, at least 0. With 0 nothing of what events say is kept.

    Examples
    --------
    >>> contents = Contents(12)
    >>> contents.add(7, 1.0, Event(id="a", ts=0, text="The parcel is late"))
    >>> contents.text(7), contents.text(8)
    ('The parcel …', '')
    """

    def __init__(self, characters: int) -> None:
        self._characters = characters
        self._kept: list[Content] = []

    def add(self, offset: int, time: float, event: Event) -> None:
        """Keep an event's content; one that came before changes nothing."""
        if self._kept and offset <= self._kept[-1].offset:
            return
        self._kept.append(
            Content(offset, time, shortened(_said(event), self._characters) if self._characters else "")
        )
        if len(self._kept) >= 2 * PREDICTIONS_KEPT:
            del self._kept[:-PREDICTIONS_KEPT]

    def text(self, offset: int) -> str:
        """Return what the event at an offset says; empty where that is not kept."""
        found = self.after(offset - 1)
        return found.text if found and found.offset == offset else ""

    def after(self, offset: int) -> Content | None:
        """Return the first event after an offset; None where none has come yet."""
        place = bisect.bisect_right(self._kept, offset, key=lambda each: each.offset)
        return self._kept[place] if place < len(self._kept) else None


def words(text: str) -> set[str]:
    """Return the words of a text, in small letters; those with digits are none."""
    return set(WORD.findall(text.lower()))


def traits(text: str) -> set[str]:
    """Return the words of a text, and the features that it names with their values.

    Examples
    --------
    >>> sorted(traits("country=de, amount=3.5"))
    ['amount', 'amount=3.5', 'country', 'country=de']
    """
    return words(text) | {each for each in text.split(", ") if FEATURE.fullmatch(each)}


def _said(event: Event) -> str:
    if event.text is not None:
        return event.text
    features = {name: value for name, value in (event.features or {}).items() if value is not None}
    if event.vector is not None:
        features |= {f"[{place}]": value for place, value in enumerate(event.vector)}
    telling = sorted(
        features.items(), key=lambda pair: -abs(pair[1]) if isinstance(pair[1], float | int) else -1e30
    )
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in telling[:NAMED]
    )
