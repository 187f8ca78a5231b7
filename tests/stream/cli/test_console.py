"""Tables fit the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from stream.cli.console import print_table, wide_console


@pytest.mark.parametrize("width", [25, 80, 200])
def test_no_number_is_cut(width: int) -> None:
    """Where the columns do not fit beside each other, the rows stand there, as many as fit."""
    table = Table("learner", *(f"score {number}" for number in range(12)), title="Scores")
    for name in ("one", "other"):
        table.add_row(name, *(f"0.{number:04}" for number in range(12)))
    console = Console(file=io.StringIO(), width=width)
    print_table(console, table)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert all(said.count(f"0.{number:04}") == 2 for number in range(12))
    assert "…" not in said
    assert "Scores" in said
    assert len(said.splitlines()) == {25: 33, 80: 17, 200: 7}[width]


def test_brackets_in_names_are_only_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """A run or a file may be called so."""
    table = Table("learner", title="[/a] [b]")
    table.add_row("[i]x")
    print_table(wide_console(), table)
    said = capsys.readouterr().out
    assert "[/a] [b]" in said
    assert "[i]x" in said
