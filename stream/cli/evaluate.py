"""`ithaca evaluate PATH`: compares learners on a file, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.console import (
    Config,
    bar,
    examples,
    load_settings,
    print_table,
    say,
    score_table,
    usage,
    wide_console,
)

if TYPE_CHECKING:
    from stream.config import Settings
    from stream.evaluation import Evaluation

app = typer.Typer()

LabelsFile = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="For ARFF: names the labels, as Mulan's XML or a label a line; the default is Mulan's XML "
        "beside it, else MEKA's -C.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Take the first N messages as stored, before shuffling."),
]
EncoderName = Annotated[
    str | None,
    typer.Option(
        metavar="ENCODER",
        help="Encoder of events, NAME or NAME(parameter=value, ...); the default is the settings' where they "
        "change it, else hashing for text and dense without. `ithaca encoders` lists them.",
    ),
]


@app.command(
    epilog=examples(
        "ithaca evaluate events.jsonl.gz",
        "ithaca evaluate emotions.arff --learner ihomer --learner br-hat --shuffle 1 --limit 500 --json",
        "ithaca evaluate events.jsonl --learner 'ihomer(rule=\"macro_f1\", k=20)'",
        "ithaca evaluate events.jsonl --encoder 'hashing(dimensions=2048)'",
    )
)
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            exists=True,
            help="JSON lines, Mulan or MEKA ARFF, or a folder of arrays or events.",
        ),
    ],
    learner: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEARNER",
            help="Learner to evaluate, NAME or NAME(parameter=value, ...), repeatable; the default is the "
            "settings', else ihomer. `ithaca learners` lists them.",
        ),
    ] = None,
    shuffle: Annotated[
        int | None, typer.Option(metavar="SEED", min=0, help="Shuffle the messages taken with this seed.")
    ] = None,
    limit: Limit = None,
    encoder: EncoderName = None,
    labels: LabelsFile = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, no table.")] = False,
) -> None:
    """Predict, score and then learn each message of a file."""
    settings = load_settings(config)
    from learners import BASELINES
    from stream.encoders import limit_threads
    from stream.evaluation import encoder_of, evaluate, learner_of
    from stream.sources import open_source

    limit_threads()
    names = [*(learner or [str(settings.learner)]), *BASELINES]
    chosen = chosen_encoder(encoder, settings)
    with usage():
        learners = {name: learner_of(name) for name in dict.fromkeys(names)}
        made = None if chosen is None else encoder_of(chosen)
    source = open_source(path, limit, labels, settings.envelope)
    done = 0
    with bar(source.name, len(source)) as show:

        def advance(messages: int) -> None:
            nonlocal done
            done += messages
            show(done)

        evaluation = evaluate(source, learners, encoder=made, shuffle=shuffle, progress=advance)
    if evaluation.problems:
        count, first = len(evaluation.problems), evaluation.problems[0]
        say(f"{count} records left out, as in the service; first: {first}")
    if as_json:
        typer.echo(msgspec.json.encode(evaluation.report).decode())
    else:
        _print(evaluation)


def chosen_encoder(option: str | None, settings: Settings) -> str | None:
    """Return the requested encoder, as written; None where the kind of data decides."""
    if option is None and "encoder" in settings.model_fields_set:
        return str(settings.encoder)
    return option


def _print(evaluation: Evaluation) -> None:
    console = wide_console()
    print_table(console, score_table(evaluation.report))
    if evaluation.encoding_seconds:
        speed = evaluation.report.messages / evaluation.encoding_seconds
        console.print(f"Encoding, once for all and not counted above: {speed:,.0f} msgs/s.")
