"""What feedback comes to, the plain way: lists, searched from end to end, and a table of every label."""

from __future__ import annotations

import dataclasses
from typing import Any

from stream.records.schema import Event, Feedback

Table = dict[str, bool]
"""Yes or no for labels that are known; under "" for all that were never named."""


@dataclasses.dataclass
class Row:
    """One id."""

    name: str
    came: float
    event: bool
    known: Table


class PlainStore:
    """As `stream.pipeline.FeedbackStore`, without a bound on memory."""

    def __init__(self, events: int, horizon_s: float) -> None:
        self.events, self.horizon_s = events, horizon_s
        self.rows: list[Row] = []
        self.gone: list[str] = []
        self.stamps: list[float] = []
        self.now = float("inf")
        self.counts: dict[str, int] = dict.fromkeys(
            ("joined", "early", "extended", "corrected", "duplicate", "late", "orphan", "expired"), 0
        )

    def take(self, message: Event | Feedback) -> list[tuple[str, Table]]:
        """Take in an event or feedback; return what else is learned: ids and what is known of the labels."""
        self.stamps.append(message.seconds)
        self.tick()
        for row in [row for row in self.rows if row.came < self.now - self.horizon_s < float("inf")]:
            self.give_up(row)
        learned = self.event(message) if isinstance(message, Event) else self.feedback(message)
        while len(self.rows) > self.events:
            self.give_up(self.rows[0])
        return learned

    def tick(self) -> None:
        """Take the time from the last nine stamps; where it was far ahead, it goes back."""
        if len(self.stamps) >= 9:
            last = sorted(self.stamps[-9:])
            if last[4] < self.now - self.horizon_s:
                self.now = last[4]
            leap = last[4] > self.now + self.horizon_s
            self.now = max(self.now, last[2] if leap else last[4])
            for row in self.rows:
                row.came = min(row.came, self.now)

    def event(self, event: Event) -> list[tuple[str, Table]]:
        """Keep an event; what waited for it is said of it."""
        self.gone = [name for name in self.gone if name != event.id]
        before = self.find(event.id)
        if before is not None:
            self.rows.remove(before)
            self.counts["expired"] += before.event and not before.known
        row = Row(event.id, self.now, True, said(event))
        self.rows.append(row)
        if before is None or before.event:
            return []
        return self.complete(row, before.known) if row.known else self.say(row, before.known, "early")

    def complete(self, row: Row, before: Table) -> list[tuple[str, Table]]:
        """Let what was said of an id before its event hold where the event says nothing."""
        both = dict(row.known) if "" in row.known else {**before, **row.known}
        names = {*before, *row.known}
        new = [
            name for name in names if row.known.get(name, row.known.get("")) != both.get(name, both.get(""))
        ]
        self.counts["extended" if new else "duplicate"] += 1
        row.known = both
        return [(row.name, row.known)] if new else []

    def feedback(self, feedback: Feedback) -> list[tuple[str, Table]]:
        """Join feedback to its event, or let it wait."""
        row = self.find(feedback.id)
        if row is not None:
            return self.say(row, said(feedback), "joined")
        if feedback.id in self.gone:
            self.counts["late"] += 1
        else:
            self.rows.append(Row(feedback.id, self.now, False, said(feedback)))
        return []

    def say(self, row: Row, given: Table, first: str) -> list[tuple[str, Table]]:
        """Let labels be said of an id."""
        names = {*row.known, *given}
        before = {name: row.known.get(name, row.known.get("")) for name in names}
        after = dict(given) if "" in given else {**row.known, **given}
        compared = {name: after.get(name, after.get("")) for name in names}
        if not row.known:
            outcome = first
        elif compared == before:
            outcome = "duplicate"
        else:
            changed = [name for name in names if before[name] not in (None, compared[name])]
            outcome = "corrected" if changed else "extended"
        self.counts[outcome] += 1
        if outcome != "duplicate":
            row.known = after
        return [(row.name, row.known)] if row.event and outcome != "duplicate" else []

    def find(self, name: str) -> Row | None:
        """Return the row of an id."""
        return next((row for row in self.rows if row.name == name), None)

    def give_up(self, row: Row) -> None:
        """Keep an id no more."""
        self.rows.remove(row)
        if not row.event:
            self.counts["orphan"] += 1
            return
        self.counts["expired"] += not row.known
        self.gone = [*self.gone, row.name][-self.events :]

    def statistics(self) -> dict[str, Any]:
        """Return the counts and how many are kept and waiting."""
        waiting = sum(not row.event for row in self.rows)
        return {**self.counts, "waiting": waiting, "kept": len(self.rows) - waiting}


def said(message: Event | Feedback) -> Table:
    """Return what a message says of labels."""
    if not message.teaches:
        return {}
    negative = message.negative
    given = {"": False} if negative is None else dict.fromkeys(negative, False)
    return given | dict.fromkeys(message.labels or (), True)
