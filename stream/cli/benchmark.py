"""`ithaca benchmark PATH...`: every learner on every set in every order, as tables, JSON and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.console import (
    Config,
    Failure,
    examples,
    load_settings,
    print_table,
    score_table,
    usage,
    whole,
    wide_console,
)
from stream.cli.evaluate import EncoderName, LabelsFile, Limit, chosen_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.evaluation import Comparison, Key


app = typer.Typer()


@app.command(
    epilog=examples(
        "ithaca benchmark emotions.arff yeast.arff --out results",
        "ithaca benchmark data/* --learner ihomer --learner 'knn(k=5)' --order stored --limit 5000",
    )
)
def benchmark(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Streams, each as `ithaca evaluate` takes it.")
    ],
    learner: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEARNER",
            help="Learner to run, NAME or NAME(parameter=value, ...), repeatable; the default is every one "
            "that `ithaca learners` lists.",
        ),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORDER", help="stored or shuffled:SEED, repeatable; the default is stored and shuffled:1."
        ),
    ] = None,
    limit: Limit = None,
    encoder: EncoderName = None,
    labels: LabelsFile = None,
    config: Config = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Folder for the results; what is there already is not run again."
        ),
    ] = Path("benchmark"),
) -> None:
    """Run learners on sets in several orders, and compare them.

    Each run is kept in OUT/runs.jsonl as soon as it is done, so it can be stopped and started again at any
    time; other data or labels are run anew. At the end come OUT/results.json and OUT/report.html. Several
    shuffles are also compared on average.
    """
    settings = load_settings(config)
    chosen = chosen_encoder(encoder, settings)
    from learners import BASELINES, LEARNERS
    from stream.encoders import limit_threads
    from stream.evaluation import RunsFile, benchmark, encoder_of, html, learner_of, seed_of

    limit_threads()
    learners = list(dict.fromkeys([*(learner or LEARNERS), *BASELINES]))
    orders = list(dict.fromkeys(order or ["stored", "shuffled:1"]))
    # Invalid arguments are reported before anything runs.
    with usage():
        for name in learners:
            learner_of(name)
        if chosen is not None:
            encoder_of(chosen)
        for each in orders:
            seed_of(each)
        runs = RunsFile(out / "runs.jsonl")
    paths = list(dict.fromkeys(paths))
    with Bars(len(paths) * len(orders) * len(learners)) as bars:
        comparisons = benchmark(
            paths,
            learners,
            orders,
            runs,
            bars,
            limit=limit,
            encoder=chosen,
            labels=labels,
            envelope=settings.envelope,
        )
    if comparisons:
        with whole(out / "results.json") as part:
            part.write_bytes(msgspec.json.format(_json(comparisons)) + b"\n")
        with whole(out / "report.html") as part:
            part.write_text(html(comparisons), encoding="utf-8")
        _print(comparisons)
        typer.echo(f"Report: {out / 'report.html'}")
    if bars.failures:
        raise Failure("What is said above was left out. Started again, only that is run.")


def _print(comparisons: Sequence[Comparison]) -> None:
    console = wide_console()
    for comparison in comparisons:
        for report in comparison.reports:
            print_table(console, score_table(report))


def _json(comparisons: Sequence[Comparison]) -> bytes:
    from stream.evaluation import METRICS

    return msgspec.json.encode(
        [
            {
                "order": comparison.order,
                "reports": comparison.reports,
                "kappa_temporal": {
                    report.data: {each.learner: report.kappa_temporal(each) for each in report.results}
                    for report in comparison.reports
                },
                "rankings": {metric: comparison.ranking(metric) for metric in METRICS},
            }
            for comparison in comparisons
        ]
    )


class Bars:
    """One bar over all runs and one over the messages of the current one; lines if there is no terminal.

    Attributes
    ----------
    failures
        Runs that were left out, one sentence each.
    """

    def __init__(self, runs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._shown = Progress(*columns, console=console, disable=not console.is_terminal)
        self._all = self._shown.add_task("runs", total=runs)
        self._one = self._shown.add_task("", total=None)
        self._name = ""
        self.failures: list[str] = []

    def __enter__(self) -> Bars:
        """Show the bars."""
        self._shown.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the bars as they are."""
        self._shown.stop()

    def start(self, key: Key, messages: int) -> None:
        """Show the current run."""
        self._name = f"{key.data}, {key.order}, {key.learner}"
        self._shown.reset(self._one, total=messages, description=self._name)
        if self._shown.disable:
            typer.echo(self._name, err=True)

    def advance(self, messages: int) -> None:
        """Advance the bar of the current run."""
        self._shown.advance(self._one, messages)

    def end(self, failure: str | None) -> None:
        """Count the run."""
        self.skip(1, None if failure is None else f"{self._name}: {failure}")

    def skip(self, runs: int, why: str | None) -> None:
        """Count runs that are skipped, and print the reason."""
        self._shown.advance(self._all, runs)
        if why is not None:
            self.failures.append(why)
            self._shown.console.print(f"left out: {why}", style="red", highlight=False, markup=False)
