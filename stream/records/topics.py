"""The names of a stream's topics."""

from __future__ import annotations

KINDS = ("events", "feedback", "control", "predictions", "drift", "label-stats", "dlq", "lessons", "triage")
"""The kinds of topics; a topic is called `<stream>.<kind>`."""
SHARED_ONLY = ("lessons",)
"""Kinds that only models shared by partitions need."""
ONE_PARTITION = ("control", "lessons", "triage")
"""Kinds whose records have one order, whatever partition the events that they are about have."""


def topic(stream: str, kind: str) -> str:
    """Return the name of one of a stream's topics.

    Examples
    --------
    >>> topic("news", "events")
    'news.events'
    """
    return f"{stream}.{kind}"
