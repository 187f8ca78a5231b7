"""Benchmark: learners on data sets in several orders; each run is saved as soon as it is done."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from stream.evaluation.components import encoder_of, learner_of
from stream.evaluation.prequential import Point, Report, Result, evaluate
from stream.evaluation.ranking import Ranking, rank
from stream.records import Envelope
from stream.sources import Source, SourceError, fingerprint, open_source

METRICS = {
    "subset_accuracy": "Subset accuracy",
    "micro_f1": "Micro-F1",
    "macro_f1": "Macro-F1",
    "macro_f1_predicted": "Macro-F1 with labels only predicted",
    "hamming_loss": "Hamming loss",
    "kappa_temporal": "Kappa temporal",
    "example_f1": "Example F1",
    "p_at_1": "P@1",
    "p_at_3": "P@3",
    "p_at_5": "P@5",
    "errors_per_message": "Errors per message",
    "calibration_error": "Calibration error",
    "messages_per_second": "Messages per second",
}
"""Metrics that are compared, with their names in a report."""
LESS_IS_BETTER = ("hamming_loss", "errors_per_message", "calibration_error")


class Key(NamedTuple):
    """Identifies a run; `content` is the `fingerprint` of what was read."""

    data: str
    order: str
    learner: str
    limit: int | None
    encoder: str | None
    content: str


class BenchmarkRun(msgspec.Struct, frozen=True):
    """One learner on one set in one order; its report has one result.

    A run of before `content` was kept has none, and so is that of no key.
    """

    limit: int | None
    encoder: str | None
    report: Report
    curve: list[Point]
    content: str = ""

    @property
    def key(self) -> Key:
        """The key that identifies this run."""
        learner = self.report.results[0].learner
        return Key(self.report.data, self.report.order, learner, self.limit, self.encoder, self.content)


class RunsFile:
    """Runs in a file of JSON lines, each written as soon as it is done.

    Runs do not record which code made them: delete the file, or use another one, after changing a learner.

    Raises
    ------
    ValueError
        When the file has other content.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        written = path.read_bytes() if path.exists() else b""
        # A line without an end was cut off when the process stopped; its run is repeated.
        whole = written[: written.rfind(b"\n") + 1]
        try:
            runs = [msgspec.json.decode(line, type=BenchmarkRun) for line in whole.splitlines()]
        except msgspec.DecodeError as error:
            raise ValueError(
                f"{path} holds a line that is no run: {error}. Delete it, or name another folder with --out."
            ) from error
        self._runs = {run.key: run for run in runs}
        if whole != written:
            path.write_bytes(whole)

    def get(self, key: Key) -> BenchmarkRun | None:
        """Return the run with a key; None if it has not been done."""
        return self._runs.get(key)

    def add(self, run: BenchmarkRun) -> None:
        """Save a run."""
        self._runs[run.key] = run
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(run) + b"\n")


class Progress(Protocol):
    """Receives the progress of a benchmark."""

    def start(self, key: Key, messages: int) -> None:
        """Take in that a run begins."""

    def advance(self, messages: int) -> None:
        """Take in that `messages` more of its messages are done."""

    def end(self, failure: str | None) -> None:
        """Take in that it is done, or why it failed."""

    def skip(self, runs: int, why: str | None) -> None:
        """Take in that runs were already done (`why` is None), or why they cannot be done."""


class Comparison(NamedTuple):
    """Results of several learners on data sets in one order.

    Parameters
    ----------
    order
        See `Report`; or "mean of N shuffles", which has no curves.
    reports
        One per set; each has one result per learner whose run succeeded.
    curves
        By set and learner; see `Evaluation`.
    """

    order: str
    reports: list[Report]
    curves: dict[tuple[str, str], list[Point]]

    def all_learners(self) -> list[str]:
        """Return the learners that were run on any set, in the order given."""
        return list(dict.fromkeys(each.learner for report in self.reports for each in report.results))

    def learners(self) -> list[str]:
        """Return the learners that were run on every set, which can be ranked."""
        everywhere = [{each.learner for each in report.results} for report in self.reports]
        return [name for name in self.all_learners() if all(name in names for names in everywhere)]

    def value(self, report: Report, learner: str, metric: str) -> float | None:
        """Return one score; None if there is none."""
        for result in report.results:
            if result.learner == learner:
                if metric == "kappa_temporal":
                    return report.kappa_temporal(result)
                return float(getattr(result, metric))
        return None

    def ranking(self, metric: str) -> Ranking | None:
        """Rank the learners by a metric over the sets on which it is defined; None if there are none."""
        names = self.learners()
        rows = [[self.value(report, name, metric) for name in names] for report in self.reports]
        known = [[each for each in row if each is not None] for row in rows]
        scores = np.array([row for row in known if len(row) == len(names)], dtype=np.float64)
        if not scores.size:
            return None
        return rank(-scores if metric in LESS_IS_BETTER else scores, names)


def seed_of(order: str) -> int | None:
    """Return the seed of an order, None for "stored".

    Raises
    ------
    ValueError
        When it is neither "stored" nor "shuffled:SEED".
    """
    kind, _, seed = order.partition(":")
    if order == "stored":
        return None
    # Runs are found by their order, which has one way to write a seed: no 01, no other script's digits.
    if kind == "shuffled" and re.fullmatch(r"0|[1-9][0-9]{0,99}", seed):
        return int(seed)
    raise ValueError(f"An order is 'stored' or 'shuffled:SEED', as in 'shuffled:1'. Got {order!r} instead.")


def benchmark(
    paths: Sequence[Path],
    learners: Sequence[str],
    orders: Sequence[str],
    runs: RunsFile,
    progress: Progress,
    *,
    limit: int | None = None,
    encoder: str | None = None,
    labels: Path | None = None,
    envelope: Envelope | None = None,
) -> list[Comparison]:
    """Do every run that has not been done yet; return the results, one comparison per order.

    For several shuffles, their mean is an additional comparison: on a few hundred messages, a single shuffle
    decides by chance which learner is ahead.

    A set that cannot be read or has the name of an earlier one, and a learner that fails, are reported to
    `progress` and left out; the other runs continue. Each learner is run alone, so that speeds are
    comparable.

    Parameters
    ----------
    paths
        Streams, see `open_source`.
    learners
        Names from the catalogue, with or without parameters; see `stream.config.Component`.
    orders
        "stored" or "shuffled:SEED".
    runs
        The runs done before, to which new ones are added.
    progress
        Receives the progress.
    limit, labels, envelope
        See `open_source`; the same for all streams.
    encoder
        See `evaluate`; written in the same form as a learner.
    """
    seeds = {order: seed_of(order) for order in orders}
    done: list[BenchmarkRun] = []
    named: dict[str, Path] = {}
    for path in paths:
        try:
            source = open_source(path, limit, labels, envelope)
            _check_name(source.name, path, named)
        except SourceError as error:
            progress.skip(len(learners) * len(orders), str(error))
            continue
        content = fingerprint(source)
        for order, seed in seeds.items():
            keys = [Key(source.name, order, learner, limit, encoder, content) for learner in learners]
            done.extend(_runs(source, keys, seed, runs, progress))
    by_order = {order: [run for run in done if run.report.order == order] for order in orders}
    comparisons = [_comparison(order, its_runs) for order, its_runs in by_order.items() if its_runs]
    shuffles = [each for each in comparisons if seeds[each.order] is not None]
    return [*comparisons, _mean(shuffles)] if len(shuffles) > 1 else comparisons


def _check_name(name: str, path: Path, named: dict[str, Path]) -> None:
    """Note whose name it is; raise SourceError where it is another set's, as results go by names."""
    if name in named:
        raise SourceError(
            f"{path} is called {name!r}, as {named[name]} is, and results go by that name. Rename one of "
            "them, or give the folder instead of an events.jsonl in it."
        )
    named[name] = path


def _runs(
    source: Source, keys: Sequence[Key], seed: int | None, runs: RunsFile, progress: Progress
) -> Iterable[BenchmarkRun]:
    for key in keys:
        run = runs.get(key)
        if run is not None:
            progress.skip(1, None)
            yield run
            continue
        progress.start(key, len(source))
        try:
            run = _run(source, key, seed, progress)
        except Exception as error:  # any learner's failure is reported, and the others are still run
            progress.end(f"{type(error).__name__}: {error}")
            continue
        runs.add(run)
        progress.end(None)
        yield run


def _run(source: Source, key: Key, seed: int | None, progress: Progress) -> BenchmarkRun:
    learners = {key.learner: learner_of(key.learner)}
    encoder = None if key.encoder is None else encoder_of(key.encoder)
    done = evaluate(source, learners, encoder=encoder, shuffle=seed, progress=progress.advance)
    return BenchmarkRun(key.limit, key.encoder, done.report, done.curves[key.learner], key.content)


def _comparison(order: str, runs: Sequence[BenchmarkRun]) -> Comparison:
    reports: dict[str, Report] = {}
    for run in runs:
        before = reports.get(run.report.data)
        results = [*(before.results if before else ()), *run.report.results]
        reports[run.report.data] = msgspec.structs.replace(run.report, results=results)
    curves = {(run.report.data, run.key.learner): run.curve for run in runs}
    return Comparison(order, list(reports.values()), curves)


def _mean(comparisons: Sequence[Comparison]) -> Comparison:
    """Return the learners' mean scores, on the sets that are in all comparisons; without curves."""
    order = f"mean of {len(comparisons)} shuffles"
    by_set: dict[str, list[Report]] = {}
    for report in (report for each in comparisons for report in each.reports):
        by_set.setdefault(report.data, []).append(report)
    reports = [
        msgspec.structs.replace(of[0], order=order, results=_means(of))
        for of in by_set.values()
        if len(of) == len(comparisons)
    ]
    return Comparison(order, reports, {})


def _means(reports: Sequence[Report]) -> list[Result]:
    """Return the mean result of each learner that is in all reports."""
    by_learner: dict[str, list[dict[str, Any]]] = {}
    for result in (result for report in reports for result in report.results):
        by_learner.setdefault(result.learner, []).append(msgspec.structs.asdict(result))
    figures = [field for field in Result.__struct_fields__ if field != "learner"]
    return [
        Result(learner, **{field: statistics.fmean(each[field] for each in of) for field in figures})
        for learner, of in by_learner.items()
        if len(of) == len(reports)
    ]
