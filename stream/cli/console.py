"""What all commands share: errors and exit codes, examples, options, bars and tables.

An error is a line on standard error, `ithaca: what is wrong, what was got, the next step`. The exit code is
2 where the command line or the settings have to be changed, 1 for any other failure, 130 after Ctrl-C.
Slow imports (rich, pydantic, learners) are deferred to where they are used: `--help` needs
none of them.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from stream.cli import INTERRUPTED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from stream.config import Settings
    from stream.evaluation import Report

FAILURE = 1
USAGE = 2

Config = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="Settings, a TOML file.")]
Stream = Annotated[str | None, typer.Option("--stream", "-s", metavar="NAME", help="Name of the stream.")]

COLUMNS = {
    "subset_accuracy": "subset",
    "example_f1": "ex. F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "macro_f1_predicted": "+predicted",
    "hamming_loss": "Hamming",
    "p_at_1": "P@1",
    "p_at_3": "P@3",
    "p_at_5": "P@5",
    "calibration_error": "calib.",
}
"""Scores shown, and their column headings."""
NEXT_STEPS = {
    errno.EMFILE: " Allow the process more of them: `ulimit -n 4096`.",
    errno.ENOSPC: " Make room, or write elsewhere.",
}
"""What to do about errors of the operating system that name no file to look at."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command at once, by themselves."""
WIDTH = 200
"""Characters per line if the output is not a terminal: room for scores beside long specifications."""


class UsageError(typer.TyperException):
    """The command line or the settings are invalid."""

    exit_code = USAGE


class Failure(typer.TyperException):
    """A command that failed for another reason."""

    exit_code = FAILURE


class Group(TyperGroup):
    """A group of commands; the outermost one reports all errors in the common form."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help if no command is named."""
        if not args:
            typer.echo(ctx.get_help(), err=True)
            ctx.exit(USAGE)
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit with its code."""
        # The program name is always `ithaca`, and errors are reported here.
        del prog_name, standalone_mode
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # Characters outside the locale's encoding become question marks instead of an error.
                stream.reconfigure(errors="replace")
        try:
            code = super().main(args, "ithaca", complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            _report(error)
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, typer.Abort):
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not _is_expected(error):
                raise
            say(_in_words(error))
            sys.exit(FAILURE)
        finally:
            # The interpreter collects garbage as it ends: seconds among the objects of torch and numba.
            gc.freeze()
        sys.exit(code or 0)


def say(text: str) -> None:
    """Print a sentence on standard error, each of its lines in the common form."""
    for line in text.splitlines():
        typer.echo(f"ithaca: {line}", err=True)


def _report(error: typer.TyperException) -> None:
    context = getattr(error, "ctx", None)
    close = [repr(each) for each in sorted(getattr(error, "possibilities", None) or ())]
    sentence = f"{error.message}. Did you mean {', '.join(close)}?" if close else error.format_message()
    if context is not None:  # The parser's messages, which lack the next step.
        end = "" if sentence.endswith((".", "?")) else "."
        sentence = f"{sentence}{end} See `{context.command_path} --help`."
    say(sentence)


def _is_expected(error: Exception) -> bool:
    """Return whether the error's own message suffices for a user; those of this project do."""
    package = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or package in ("stream", "learners", "drift")


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}.{NEXT_STEPS.get(error.errno or 0, '')}"
    return str(error)


@contextmanager
def usage() -> Iterator[None]:
    """Report errors in building from the command line or the settings as wrong usage."""
    try:
        yield
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(str(error)) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a file to write to, which takes its place at `path` once all is written; else nothing is left.

    Nor is anything where SIGTERM or SIGHUP ends the process. A device or a pipe is written to as it is.

    Raises
    ------
    Failure
        When it cannot be written, at once if the folder is to blame.
    """
    place = path.resolve()
    through = place.exists() and not place.is_file()
    part = place if through else place.with_name(f".{place.name}.{os.getpid()}")
    try:
        if through:
            yield part
        else:
            with _gone_at_signals(part):
                part.touch()
                yield part
                part.replace(place)
    except OSError as error:
        if error.filename not in (None, str(part), part):
            raise
        raise Failure(
            f"{path} cannot be written: {error.strerror or error}. Make room there, or name another place."
        ) from error
    finally:
        if not through:
            part.unlink(missing_ok=True)


@contextmanager
def _gone_at_signals(part: Path) -> Iterator[None]:
    """Remove a file where a signal ends the process at once, which it then does as if nobody had listened."""

    def ended(number: int, frame: object) -> None:
        del frame
        part.unlink(missing_ok=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    listens = threading.current_thread() is threading.main_thread()
    heard = [number for number in ENDING if listens and signal.getsignal(number) is signal.SIG_DFL]
    for number in heard:
        signal.signal(number, ended)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)


def load_settings(config: Path | None, stream: str | None = None, **overrides: Any) -> Settings:
    """Return the settings of a command; see `stream.config.load`."""
    from stream.config import load

    with usage():
        return load(config, stream=stream, **overrides)


def examples(*lines: str) -> str:
    """Return the examples at the end of a command's help."""
    # The backspace keeps the help formatter from wrapping the lines.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal; yields a function to call with the amount done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def wide_console() -> Console:
    """Return a console for the terminal, or wide enough for a table; brackets in names are only brackets."""
    from rich.console import Console

    console = Console(markup=False)
    return console if console.is_terminal else Console(width=WIDTH, markup=False)


def print_table(console: Console, table: Table) -> None:
    """Print a table; where the lines are too short for it, its rows become columns: no number is cut."""
    if _fits(console, table):
        console.print(table)
        return
    if table.title:
        console.print(table.title)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    while rows:
        # As many side by side as fit.
        side_by_side = len(rows)
        while side_by_side > 1 and not _fits(console, _turned(table, rows[:side_by_side])):
            side_by_side -= 1
        console.print(_turned(table, rows[:side_by_side]))
        rows = rows[side_by_side:]


def _fits(console: Console, table: Table) -> bool:
    from rich.measure import Measurement

    unlimited = console.options.update(max_width=10 * WIDTH)
    return Measurement.get(console, unlimited, table).maximum <= console.width


def _turned(table: Table, rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table of some rows, each as a column."""
    from rich.table import Table

    first, *others = zip(*rows, strict=True)
    head, *headings = (column.header for column in table.columns)
    turned = Table()
    turned.add_column(head)
    for name in first:
        turned.add_column(name, justify="right", overflow="fold")
    for heading, cells in zip(headings, others, strict=True):
        turned.add_row(heading, *cells)
    return turned


def score_table(report: Report) -> Table:
    """Return one row per learner; κ is the skill over the previous labels, see `Report.kappa_temporal`."""
    from rich.table import Table

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
