"""Tables fit the terminal, and files are whole."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from stream.cli.console import Failure, print_table, whole, wide_console


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


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyError()]
)
@pytest.mark.parametrize("before", [None, "former"])
def test_of_a_file_that_is_not_written_to_its_end_nothing_is_left(
    tmp_path: Path, error: BaseException, before: str | None
) -> None:
    """Whatever ends it, the one that was there stays; where there is no room the sentence names the place."""
    place = tmp_path / "out.jsonl"
    if before is not None:
        place.write_text(before)
    full = isinstance(error, OSError)

    def write() -> None:
        with whole(place) as part:
            part.write_text("half")
            assert not place.exists() or place.read_text() == before
            raise error

    with pytest.raises(Failure if full else type(error)) as ended:
        write()
    if full:
        assert str(ended.value) == (
            f"{place} cannot be written: No space left on device. Make room there, or name another place."
        )
    assert [each.read_text() for each in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_file_written_to_its_end_takes_its_place(tmp_path: Path) -> None:
    """Behind a link too; a folder that is missing is named at once, and a device is written to as it is."""
    place, link = tmp_path / "a", tmp_path / "b"
    place.write_text("former")
    link.symlink_to(place)
    with whole(link) as part:
        part.write_text("new")
    assert (link.is_symlink(), place.read_text(), len(list(tmp_path.iterdir()))) == (True, "new", 2)
    with whole(Path("/dev/null")) as part:
        assert part == Path("/dev/null")
    with (
        pytest.raises(Failure, match=r"missing/a cannot be written: No such file"),
        whole(tmp_path / "missing/a"),
    ):
        pytest.fail("It begins.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_command_leaves_no_half_file(tmp_path: Path, number: signal.Signals) -> None:
    """It ends at once and of that signal; one that is ignored stays so."""
    place = tmp_path / "out.jsonl"
    place.write_text("former")
    program = """
import os, pathlib, signal, sys
from stream.cli.console import whole
place, number = pathlib.Path(sys.argv[1]), int(sys.argv[2])
signal.signal(number, signal.SIG_IGN)
with whole(place.with_name("other")) as part:
    os.kill(os.getpid(), number)
signal.signal(number, signal.SIG_DFL)
with whole(place) as part:
    part.write_text("half")
    os.kill(os.getpid(), number)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(place), str(int(number))], check=False)
    assert ended.returncode == -number
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "out.jsonl"]
    assert place.read_text() == "former"


def test_files_are_whole_on_other_threads_too(tmp_path: Path) -> None:
    """Only the main one may listen to signals; and it listens no longer than it writes."""

    def write() -> None:
        with whole(tmp_path / "a") as part:
            part.write_text("x")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    write()
    assert (tmp_path / "a").read_text() == "x"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
