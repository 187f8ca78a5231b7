"""`ithaca run`, `ithaca produce`, `ithaca replay`: the commands that talk to a broker.

What learns is imported by the commands that learn: torch and river take seconds, and `--help` should not.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from stream.config import ConfigError, Settings, load
from stream.encoders import EncoderError
from stream.kafka import (
    BrokerError,
    FencedError,
    History,
    Mark,
    RecoveryError,
    UnwrittenError,
    ensure_topics,
    produce_file,
)
from stream.pipeline import LearnerError
from stream.records import topic
from stream.telemetry import configure_logs

if TYPE_CHECKING:
    from stream.replay import Sink, Summary

TOLD = (BrokerError, EncoderError, FencedError, LearnerError, RecoveryError, UnwrittenError)
"""Errors whose sentence is all that a person needs."""

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings, a TOML file.")]
Stream = Annotated[str | None, typer.Option("--stream", "-s", help="Name of the stream.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Most events.")]


def run(config: Config = None, stream: Stream = None) -> None:
    """Label a stream live, learning from it, until SIGTERM or Ctrl-C."""
    from stream.worker import serve

    with told():
        settings = load(config, stream=stream)
        configure_logs(settings.log.level, settings.log.format)
        serve(settings)


def check_config(config: Config = None, stream: Stream = None) -> None:
    """Print the settings as they would be used, without secrets; status 1 where they cannot be used."""
    from stream.pipeline import make_task

    with told():
        settings = load(config, stream=stream)
        make_task(settings)
        typer.echo(settings.model_dump_json(indent=2))


def produce(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, or .gz of them.")],
    config: Config = None,
    stream: Stream = None,
    limit: Limit = None,
) -> None:
    """Write a file of events to a stream."""
    with told():
        settings = load(config, stream=stream)
        ensure_topics(settings.kafka, settings.stream)
        name = topic(settings.stream, "events")
        with _bar(name, limit) as progress:
            count = produce_file(settings.kafka, file, name, limit=limit, progress=progress)
        typer.echo(f"{count} events written to {name}", err=True)


def replay(
    config: Config = None,
    stream: Stream = None,
    from_topic: Annotated[str | None, typer.Option("--topic", help="Topic; the stream's events.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First: an offset, or ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="One past the last: likewise.")] = None,
    learner: Annotated[str | None, typer.Option(help="Learner; default: the settings'.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the predictions, JSON lines.")] = None,
    out_topic: Annotated[str | None, typer.Option(help="Topic for the predictions, a new one.")] = None,
) -> None:
    """Send a stretch of history through a fresh learner, beside the live service."""
    from stream.encoders import limit_threads
    from stream.pipeline import make_task
    from stream.replay import replay as replayed

    limit_threads()
    with told():
        if out is not None and out_topic is not None:
            raise ConfigError("--out and --out-topic exclude each other; give one of them or none.")
        settings = load(config, stream=stream, learner=None if learner is None else {"name": learner})
        make_task(settings)  # What cannot be built is found out before anything is read.
        name = from_topic or topic(settings.stream, "events")
        history = History(settings.kafka, name, _mark("--from", since), _mark("--until", until))
        try:
            with (
                _bar(name, len(history)) as progress,
                _sink(settings, out, out_topic, len(history.ranges)) as sink,
            ):
                summary = replayed(history, lambda: make_task(settings), sink, progress)
        finally:
            history.close()
        _print(summary, settings)


def demo(
    events: Annotated[int, typer.Option(min=0, help="End after this many; 0: go on until Ctrl-C.")] = 0,
) -> None:
    """Show it all on one machine: a broker, a made-up stream, a worker, a live view."""
    from stream.demo import play

    play(events)


def _sink(
    settings: Settings, out: Path | None, out_topic: str | None, partitions: int
) -> AbstractContextManager[Sink]:
    from stream.replay import into_file, into_nothing, into_topic

    if out is not None:
        return into_file(out)
    if out_topic is not None:
        return into_topic(settings.kafka, out_topic, partitions)
    return into_nothing()


def _mark(option: str, text: str | None) -> Mark:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} is {text!r}; write an offset (17) or an ISO 8601 time (2026-01-31T12:00:00+00:00)."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _print(summary: Summary, settings: Settings) -> None:
    table = Table(title=f"{settings.run_name}: {summary.messages_per_second:,.0f} messages a second")
    for heading in (
        "partition",
        "messages",
        "subset",
        "example F1",
        "micro F1",
        "macro F1",
        "Hamming",
        "digest",
    ):
        table.add_column(heading)
    for partition, scores in summary.scores.items():
        shown = (
            scores.subset_accuracy,
            scores.example_f1,
            scores.micro_f1,
            scores.macro_f1,
            scores.hamming_loss,
        )
        table.add_row(
            str(partition),
            str(scores.messages),
            *(f"{score:.4f}" for score in shown),
            summary.digests[partition][:16],
        )
    Console().print(table)
    typer.echo(f"{summary.messages} messages, {summary.dead_letters} dead letters, {summary.seconds:.1f} s")


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda done: progress.update(bar, completed=done)


@contextmanager
def told() -> Iterator[None]:
    """Tell a person, in a line, what they can do something about."""
    try:
        yield
    except (*TOLD, OSError, ValueError) as error:
        typer.echo(f"ithaca: {error}", err=True)
        raise typer.Exit(1) from error
