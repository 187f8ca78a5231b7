"""`ithaca evaluate PATH`: learners side by side on a file, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stream.cli.tables import score_table, wide_console
from stream.encoders import EncoderError

if TYPE_CHECKING:
    from stream.evaluation import Evaluation

Limit = Annotated[
    int | None, typer.Option(min=1, help="Take the first N messages as stored, before shuffling.")
]
EncoderName = Annotated[
    str | None, typer.Option(help="Encoder of events; the default is hashing for text, else dense.")
]


def evaluate_command(
    path: Annotated[
        Path, typer.Argument(help="JSON lines, Mulan or MEKA ARFF, or a folder of arrays or events.")
    ],
    learner: Annotated[
        list[str] | None, typer.Option(help="Learner to evaluate, repeatable; the default is ihomer.")
    ] = None,
    shuffle: Annotated[
        int | None, typer.Option(metavar="SEED", min=0, help="Shuffle the messages taken with this seed.")
    ] = None,
    limit: Limit = None,
    encoder: EncoderName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, no table.")] = False,
) -> None:
    """Predict each message of a file before learning it, and score every prediction."""
    # Here and not above: torch and river take seconds, which `--help` need not wait for.
    from learners import make
    from stream.encoders import limit_threads, make_encoder
    from stream.evaluation import BASELINES, evaluate
    from stream.sources import open_source

    limit_threads()
    try:
        names = dict.fromkeys([*(learner or ["ihomer"]), *BASELINES])
        learners = {name: make(name) for name in names}
        source = open_source(path, limit)
        with _bar(source.name, len(source)) as bar:
            evaluation = evaluate(
                source,
                learners,
                encoder=None if encoder is None else make_encoder(encoder),
                shuffle=shuffle,
                progress=lambda messages: bar.advance(bar.task_ids[0], messages),
            )
    except (ValueError, ImportError, EncoderError) as error:
        typer.echo(f"ithaca evaluate: {error}", err=True)
        raise typer.Exit(2) from error
    _warn(evaluation)
    if as_json:
        typer.echo(msgspec.json.encode(evaluation.report).decode())
    else:
        _print(evaluation)


def _bar(name: str, messages: int) -> Progress:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar.add_task(name, total=messages)
    return bar


def _warn(evaluation: Evaluation) -> None:
    problems = evaluation.problems
    if problems:
        typer.echo(
            f"ithaca evaluate: {len(problems)} records left out, as in the service; first: {problems[0]}",
            err=True,
        )


def _print(evaluation: Evaluation) -> None:
    console = wide_console()
    console.print(score_table(evaluation.report))
    if evaluation.encoding_seconds:
        speed = evaluation.report.messages / evaluation.encoding_seconds
        console.print(f"Encoding, once for all and not counted above: {speed:,.0f} msgs/s.")
