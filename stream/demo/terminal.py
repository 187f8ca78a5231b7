"""A worker's status, live in the terminal; printed as lines at intervals if there is no terminal."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from drift.alarms import FINDINGS
from learners.core import Statistics
from learners.metrics import RecentScores, Scores
from stream.monitoring import sentence
from stream.records import drift_record
from stream.telemetry import PartitionStatus, Telemetry, WorkerStatus

REDRAW_S = 0.25
PLAIN_S = 5.0
"""Seconds between two lines if there is no terminal."""
RATE_S = 5.0
"""Seconds over which the rate is measured."""
TOLD = 5
"""Latest parts of the story that the panel shows."""
FIGURES = ("messages", "labels", "clusters")

SCORES = {
    "subset_accuracy": "subset",
    "example_f1": "example F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "hamming_loss": "Hamming",
}


class LiveView:
    """Shows telemetry until a condition holds.

    Parameters
    ----------
    telemetry
        Telemetry to show.
    title
        Title of the view.
    console
        Where to print.
    beside
        Returns scores of other learners on the same stream, by name, to show as well; none by default.
    story
        Returns what has happened in the stream, in order, given the number of events answered; by default
        nothing.

    Examples
    --------
    >>> view = LiveView(Telemetry(), "news", Console(width=80, color_system=None))
    >>> view.line()
    '0 events, 0/s, lag -, 0 dead letters'
    """

    def __init__(
        self,
        telemetry: Telemetry,
        title: str,
        console: Console,
        beside: Callable[[], Mapping[str, Scores]] = dict,
        story: Callable[[int], Sequence[str]] = lambda events: (),
    ) -> None:
        self._telemetry = telemetry
        self._title = title
        self._console = console
        self._beside = beside
        self._story = story
        self._told = 0
        self._seen: collections.deque[tuple[float, int]] = collections.deque([(0.0, 0)])

    def show(self, done: Callable[[], bool]) -> None:
        """Show the status until `done` returns True."""
        if not self._console.is_terminal:
            self._print_lines(done)
            return
        # Refreshed by this thread only: a thread of Live's own would show figures while they are replaced.
        with Live(self.render(), console=self._console, auto_refresh=False) as live:
            while not done():
                time.sleep(REDRAW_S)
                live.update(self.render(), refresh=True)
            live.update(self.render(), refresh=True)

    def _print_lines(self, done: Callable[[], bool]) -> None:
        due = time.monotonic() + PLAIN_S
        while not done():
            time.sleep(REDRAW_S)
            if time.monotonic() >= due:
                due += PLAIN_S
                self._tell()
                self._console.print(self.line(), highlight=False, soft_wrap=True)
        self._tell()

    def _tell(self) -> None:
        """Print everything that has happened since this was called last."""
        happened = self._story(self._telemetry.status().events)
        for each in happened[self._told :]:
            self._console.print(each, highlight=False, soft_wrap=True, style="bold")
        self._told = len(happened)

    def line(self) -> str:
        """Return the status as one line."""
        status = self._telemetry.status()
        parts = [_counts(status, self._rate(status))]
        parts += [
            f"partition {each.partition}: micro F1 {each.recent.micro_f1:.3f} lately, "
            f"{each.scores.micro_f1:.3f} in all, {_learner(each)}"
            for each in status.partitions
        ]
        parts += [f"latest change: {change}" for change in _changes(status)[-1:]]
        return "; ".join(parts)

    def render(self) -> RenderableType:
        """Return the status as a panel."""
        status = self._telemetry.status()
        shown: list[RenderableType] = [Text(_counts(status, self._rate(status)), style="bold")]
        *earlier, latest = self._story(status.events)[-TOLD:] or [""]
        shown += [Text(each, style="dim") for each in earlier]
        if latest:
            shown.append(Text(latest, style="cyan"))
        if status.dead_letters:
            shown.append(Text("dead letters: " + listed(status.dead_letters)))
        shown.append(_scores_table(status, self._beside()))
        shown += [Text(f"partition {each.partition}: {_learner(each)}") for each in status.partitions]
        shown.append(Text(f"drift alarms: {listed(status.alarms) or 'none yet'}"))
        shown += [
            Text(f"  {change}", style="yellow", overflow="ellipsis", no_wrap=True)
            for change in _changes(status)
        ]
        return Panel(Group(*shown), title=self._title, title_align="left")

    def _rate(self, status: WorkerStatus) -> float:
        now = (status.uptime_s, status.events)
        while len(self._seen) > 1 and self._seen[1][0] <= now[0] - RATE_S:
            self._seen.popleft()
        self._seen.append(now)
        seconds, events = now[0] - self._seen[0][0], now[1] - self._seen[0][1]
        return events / seconds if seconds > 0 else 0.0


def _scores_table(status: WorkerStatus, beside: Mapping[str, Scores]) -> Table:
    table = Table("scores", *SCORES.values(), "messages", box=None, pad_edge=False, header_style="dim")
    for each in status.partitions:
        name = f"partition {each.partition}" if len(status.partitions) > 1 else "this learner"
        add_scores(table, f"{name}, lately", each.recent)
        add_scores(table, f"{name}, in all", each.scores)
    for other, scores in beside.items():
        add_scores(table, other, scores)
    return table


def add_scores(table: Table, name: str, scores: Scores | RecentScores) -> None:
    """Add a row of scores to a table whose columns are a name, `SCORES` and the number of messages."""
    cells = [f"{getattr(scores, field):.3f}" if hasattr(scores, field) else "" for field in SCORES]
    table.add_row(name, *cells, f"{scores.messages:,}")


def _counts(status: WorkerStatus, rate: float) -> str:
    known = [each.lag for each in status.partitions if each.lag is not None]
    restoring = len(status.restorations)
    return (
        f"{status.events:,} events, {rate:,.0f}/s, lag {f'{sum(known):,}' if known else '-'}, "
        f"{sum(status.dead_letters.values()):,} dead letters"
        + (f", {restoring} partitions restoring" if restoring else "")
    )


def figures_in_words(statistics: Statistics) -> str:
    """Return in words the figures of a learner that say something to those who do not know it."""
    figures = statistics.figures()
    return ", ".join(f"{name} {figures[name]:,.0f}" for name in FIGURES if name in figures)


def _learner(partition: PartitionStatus) -> str:
    learner, confidence = figures_in_words(partition.learner), partition.confidence
    if confidence is None or not confidence.messages:
        return learner
    return f"{learner}, coverage {confidence.coverage:.1%}, rejected {confidence.rejected:.1%}"


def _changes(status: WorkerStatus) -> list[str]:
    return [sentence(drift_record(alarm)) for alarm in status.latest_alarms if alarm.scope not in FINDINGS]


def listed(counts: Mapping[str, int]) -> str:
    """Return counts as a list in words."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
