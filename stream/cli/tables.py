"""Scores as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from stream.evaluation import Report

COLUMNS = {
    "subset_accuracy": "subset",
    "example_f1": "ex. F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "hamming_loss": "Hamming",
    "p_at_1": "P@1",
    "p_at_3": "P@3",
    "p_at_5": "P@5",
    "calibration_error": "calib.",
}
"""Scores shown, and their column's head."""
WIDTH = 132
"""Characters a line has where the output is no terminal."""


def wide_console() -> Console:
    """Return the terminal, or something as wide as a table."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def score_table(report: Report) -> Table:
    """Return one line a learner; κ is the skill over the previous labels, see `Report.kappa_temporal`."""
    title = (
        f"{report.data}: {report.messages:,} messages, {report.features:,} features, "
        f"{report.labels:,} labels, order {report.order}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("learner", no_wrap=True)
    for head in (*COLUMNS.values(), "κ temp.", "msgs/s"):
        table.add_column(head, justify="right", no_wrap=True)
    for result in report.results:
        scores = (f"{getattr(result, field):.4f}" for field in COLUMNS)
        kappa = report.kappa_temporal(result)
        skill = "" if kappa is None else f"{kappa:.3f}"
        table.add_row(result.learner, *scores, skill, f"{result.messages_per_second:,.0f}")
    return table
