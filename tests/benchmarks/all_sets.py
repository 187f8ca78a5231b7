"""Every real set in both orders, for the table: `python -m tests.benchmarks.all_sets --out results.jsonl`.

Each finished learner, set and order is one line of the results file, and a second run does only what is
missing, so it can be stopped at any time. Results do not know which code made them: delete the file, or
name another one, after changing a learner.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from learners.catalogue import make
from stream.evaluate import BASELINES, Report, evaluate
from stream.sources import Source, SourceError, open_source
from stream.threads import limit_threads

DATA = Path(os.environ.get("ITHACA_DATA", Path(__file__).parents[3] / "shared" / "data"))
HEAD = (
    "set",
    "order",
    "learner",
    "subset",
    "ex. F1",
    "micro F1",
    "macro F1",
    "Hamming",
    "P@1",
    "P@3",
    "P@5",
    "msgs/s",
)


class Line(msgspec.Struct, frozen=True):
    """One line of the results file: a report on one learner, and the limit it was made with."""

    limit: int | None
    report: Report

    @property
    def key(self) -> tuple[str, str, str, int | None]:
        """What tells it from other results."""
        return self.report.data, self.report.order, self.report.results[0].learner, self.limit


def main(
    out: Annotated[Path, typer.Option(help="Results file, JSON lines; made, read and added to.")],
    learner: Annotated[list[str] | None, typer.Option(help="Learner, repeatable.")] = None,
    data: Annotated[Path, typer.Option(help="Folder of sets.")] = DATA,
    only: Annotated[
        list[str] | None, typer.Option("--set", help="Set to run, repeatable; default all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the shuffled order.")] = 1,
    limit: Annotated[int | None, typer.Option(help="First messages of a set, before shuffling.")] = None,
) -> None:
    """Run what is missing, then print one Markdown table of what was asked for."""
    limit_threads()
    learners = list(dict.fromkeys([*(learner or ["ihomer"]), *BASELINES]))
    done = {line.key: line for line in _read(out)}
    shown: list[Line] = []
    for source in _sources(data, only, limit):
        for order, shuffle in (("stored", None), (f"shuffled:{seed}", seed)):
            keys = [(source.name, order, name, limit) for name in learners]
            missing = [key[2] for key in keys if key not in done]
            for line in _run(source, missing, shuffle, limit) if missing else []:
                done[line.key] = line
                _append(out, line)
            shown.extend(done[key] for key in keys)
    print("\n".join(_table(shown)))


def _sources(data: Path, only: list[str] | None, limit: int | None) -> Iterable[Source]:
    names = only or sorted(folder.name for folder in data.iterdir() if folder.is_dir())
    for name in names:
        try:
            yield open_source(data / name, limit)
        except SourceError as error:
            print(f"left out: {error}", file=sys.stderr)


def _run(source: Source, learners: list[str], shuffle: int | None, limit: int | None) -> list[Line]:
    print(f"{source.name}, shuffle {shuffle}: {', '.join(learners)}", file=sys.stderr, flush=True)
    report = evaluate(source, {name: make(name) for name in learners}, shuffle=shuffle).report
    return [Line(limit, msgspec.structs.replace(report, results=[result])) for result in report.results]


def _read(out: Path) -> list[Line]:
    if not out.exists():
        return []
    # A line that a stop cut short has no end; it is run again.
    return [msgspec.json.decode(line, type=Line) for line in out.read_bytes().split(b"\n")[:-1] if line]


def _append(out: Path, line: Line) -> None:
    written = out.read_bytes() if out.exists() else b""
    whole = written[: written.rfind(b"\n") + 1]
    out.write_bytes(whole + msgspec.json.encode(line) + b"\n")


def _table(lines: list[Line]) -> Iterable[str]:
    yield f"| {' | '.join(HEAD)} |"
    yield f"|---|---|---|{'---:|' * (len(HEAD) - 3)}"
    for line in lines:
        (result,) = line.report.results
        names = result.__struct_fields__[1:-1]
        scores = [f"{getattr(result, name):.3f}".lstrip("0") for name in names]
        cells = [line.report.data, line.report.order, result.learner, *scores]
        yield f"| {' | '.join(cells)} | {result.messages_per_second:,.0f} |"


if __name__ == "__main__":
    typer.run(main)
