"""The record on the triage topic: what people decided about what the stream reported."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from stream.records.topics import topic


class TriageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, under the key that `key` returns; a record without a value takes the decision back.

    Parameters
    ----------
    what
        What it is about: an incident, all changes of a label or of a detector's kind, or a dead letter.
    name
        Which one: the name of one of the incident's drift events, the label, the first part of the detector's
        name, or the dead letter's topic, partition and offset.
    decision
        Whether somebody works on it, nobody wants to be told, or it was sent again.
    by, reason
        Who decided, and why.
    at
        When.
    until
        When it ends by itself; None (the default) for never.

    Examples
    --------
    >>> import datetime
    >>> now = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
    >>> muted = TriageRecord(
    ...     what="label", name="spam", decision="muted", by="Ada", reason="a campaign", at=now
    ... )
    >>> muted.key, muted.stands(now.timestamp() + 1e9)
    (b'label/spam', True)
    """

    what: Literal["incident", "label", "detector", "dead-letter"]
    name: str
    decision: Literal["acknowledged", "muted", "resent"]
    by: str
    reason: str
    at: datetime.datetime
    until: datetime.datetime | None = None

    @property
    def key(self) -> bytes:
        """The record's key: of several decisions about one thing, the latest counts."""
        return f"{self.what}/{self.name}".encode()

    def stands(self, now: float) -> bool:
        """Whether the decision has not ended by a time in seconds since 1970."""
        return self.until is None or now < self.until.timestamp()


def resent_key(stream: str, partition: int, offset: int) -> str:
    """Return the key of the decision that a dead letter was sent again, by its place on its topic.

    Examples
    --------
    >>> resent_key("news", 1, 3)
    'dead-letter/news.dlq/1/3'
    """
    return f"dead-letter/{topic(stream, 'dlq')}/{partition}/{offset}"
