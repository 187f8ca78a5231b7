"""`ithaca replay` and `align`: a part of a topic's history through a new learner, or a new encoder."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.console import (
    Config,
    Failure,
    Stream,
    UsageError,
    bar,
    examples,
    load_settings,
    print_table,
    say,
    usage,
    whole,
    wide_console,
)
from stream.cli.run import check

if TYPE_CHECKING:
    from stream.config import Settings
    from stream.evaluation import Upgrade
    from stream.kafka import Mark
    from stream.records import Event
    from stream.replay import Sink, Summary

app = typer.Typer()

COLUMNS = {
    "subset_accuracy": "subset",
    "example_f1": "example F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "hamming_loss": "Hamming",
}
"""Scores shown, and their column headings."""

MOST_ALIGNED = 30_000
"""Most records that an alignment is fitted and judged on: the vectors of all of them are held in memory."""


@app.command(
    epilog=examples(
        "ithaca replay --learner br-hat --from 2026-01-01 --until 2026-02-01 --out predictions.jsonl",
        "ithaca replay --stream news --from 1000 --learner 'ihomer(rule=\"macro_f1\")'",
    )
)
def replay(
    config: Config = None,
    stream: Stream = None,
    from_topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Topic; the stream's events.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="PLACE", help="First: an offset, or ISO 8601.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="PLACE", help="One past the last: likewise.")
    ] = None,
    learner: Annotated[
        str | None,
        typer.Option(
            metavar="LEARNER",
            help="Learner, NAME or NAME(parameter=value, ...); the default is the settings'.",
        ),
    ] = None,
    encoder: Annotated[str | None, typer.Option(metavar="ENCODER", help="Encoder, likewise.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the predictions, JSON lines; a new one.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --out replace a file that is there.")] = False,
    out_topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic for the predictions, a new one.")
    ] = None,
) -> None:
    """Send a stretch of history through a fresh learner.

    It runs beside the live service, and neither commits anything nor writes to a topic of the stream. From
    the lessons of a shared model (`--topic STREAM.lessons`) it takes vectors and labels, and encodes nothing.
    """
    if out is not None and out_topic is not None:
        raise UsageError("--out and --out-topic exclude each other; give one of them or none.")
    if out is not None and out.exists() and not force:
        raise UsageError(f"--out names {out}, which exists. Name another file, or replace it with --force.")
    settings = _with(load_settings(config, stream), learner, encoder)
    begin, end = _mark("--from", since), _mark("--until", until)
    from stream.encoders import limit_threads
    from stream.kafka import History
    from stream.pipeline import make_task, warm_up
    from stream.records import topic
    from stream.replay import make_lessons_replay
    from stream.replay import replay as replayed

    name = topic(settings.stream, "events") if from_topic is None else from_topic
    lessons = name.endswith(".lessons")
    if lessons and encoder is not None:
        raise UsageError(
            f"{name} holds vectors, made with the live encoder. Leave out --encoder, or --topic."
        )
    # Where nothing is encoded the encoder is not needed, and may be a large model.
    check(settings.unencoded if lessons else settings)
    limit_threads()
    history = History(settings.kafka, name, begin, end)
    try:
        if not len(history):
            raise Failure(f"There is nothing to replay: {_held(settings, name)}. {_NEXT}")
        warm_up(make_task(settings.unencoded))
        make = make_lessons_replay if lessons else make_task
        with (
            bar(name, len(history)) as progress,
            _sink(settings, out, out_topic, len(history.ranges)) as sink,
        ):
            summary = replayed(history, lambda: make(settings), sink, progress)
    finally:
        history.close()
    if not summary.messages:
        raise Failure(f"Nothing was replayed: the offsets asked for hold no records. {_NEXT}")
    _print(summary, settings)
    if summary.dead_letters:
        say(f"{summary.dead_letters} records are dead letters; first: {summary.first_dead_letter}")
    if summary.dead_letters == summary.messages:
        raise Failure(
            "No record was predicted. Replay the events of a stream, with an encoder that reads them."
        )


@app.command(
    epilog=examples(
        "ithaca align --stream news --to 'transformer(model=\"all-MiniLM-L6-v2\")' --out news.alignment",
        "ithaca align --from 2026-01-01 --until 2026-01-08 --to 'hashing(dimensions=4096)' --out a.alignment",
    )
)
def align(
    to: Annotated[
        str, typer.Option(metavar="ENCODER", help="New encoder, NAME or NAME(parameter=value, ...).")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File for the alignment; a new one.")],
    config: Config = None,
    stream: Stream = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="PLACE", help="First event: an offset, or ISO 8601.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="PLACE", help="One past the last: likewise.")
    ] = None,
) -> None:
    """Try another encoder with which the model goes on.

    Both encode the stream's events. On the first half a map is fitted from the new encoder's vectors to those
    of the settings' one. The second half shows the scores with the former encoder, with the new one aligned,
    and with the new one and a model that begins anew. Of more than 30,000 records it takes the latest. The
    live service notices nothing.
    """
    if out.exists():
        raise UsageError(f"--out names {out}, which exists, and which workers may use. Name another file.")
    settings = load_settings(config, stream)
    from stream.config import EncoderSettings
    from stream.encoders import limit_threads
    from stream.evaluation import try_upgrade

    limit_threads()
    with whole(out) as part:
        events = _events(settings, _mark("--from", since), _mark("--until", until))
        with usage():
            new = EncoderSettings.parse(to)
            with bar("encoding", len(events)) as progress:
                upgrade = try_upgrade(events, settings.encoder, new, settings.learner, progress)
        upgrade.alignment.save(part)
    _print_upgrade(upgrade, settings, out)


def _events(settings: Settings, begin: Mark, end: Mark) -> list[Event]:
    from stream.kafka import History
    from stream.records import BadEventError, Event, decode, topic

    history = History(settings.kafka, topic(settings.stream, "events"), begin, end)
    if earlier := history.keep_latest(MOST_ALIGNED):
        say(f"warning: the latest {len(history):,} records are taken, and {earlier:,} before them are not.")
    events = []
    try:
        for record in sorted(history.records(), key=lambda record: record.timestamp):
            with contextlib.suppress(BadEventError):
                message = decode(record.value, record.headers, settings.envelope)
                events += [message] if isinstance(message, Event) else []
    finally:
        history.close()
    return events


def _print_upgrade(upgrade: Upgrade, settings: Settings, out: Path) -> None:
    from rich.table import Table

    title = f"{upgrade.events} events; cosine to the former vectors {upgrade.alignment.cosine:.2f}"
    table = Table("second half", *COLUMNS.values(), title=title)
    for way, scores in upgrade.scores.items():
        table.add_row(way, *(f"{getattr(scores, field):.4f}" for field in COLUMNS))
    print_table(wide_console(), table)
    former = settings.encoder.original
    typer.echo(
        f"{out} is written. To switch, stop the workers, set these, and start them; they go on from their "
        f'snapshots:\n[encoder]\nname = "aligned"\n[encoder.parameters]\nalignment = "{out.absolute()}"\n'
        f"former = {_toml(former.model_dump())}"
    )


def _toml(value: object) -> str:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


_NEXT = "Name another stretch with --from and --until, or another topic with --topic."


def _held(settings: Settings, name: str) -> str:
    from stream.kafka import History

    history = History(settings.kafka, name)
    history.close()
    held = [
        f"offsets {begin} to {end - 1} in partition {partition}"
        for partition, (begin, end) in history.ranges.items()
        if begin < end
    ]
    if not held:
        return f"{name} is empty"
    return f"{name} holds {', '.join(held)}, and none of them lies in the stretch asked for"


def _with(settings: Settings, learner: str | None, encoder: str | None) -> Settings:
    """Return the settings with learner and encoder replaced by those of the command line."""
    from stream.config import EncoderSettings, LearnerSettings

    with usage():
        if learner is not None:
            settings = settings.model_copy(update={"learner": LearnerSettings.parse(learner)})
        if encoder is not None:
            settings = settings.model_copy(update={"encoder": EncoderSettings.parse(encoder)})
    return settings


@contextlib.contextmanager
def _sink(settings: Settings, out: Path | None, out_topic: str | None, partitions: int) -> Iterator[Sink]:
    from stream.replay import into_file, into_nothing, into_topic

    if out is not None:
        with whole(out) as part, into_file(part) as sink:
            yield sink
    elif out_topic is not None:
        begun = False
        try:
            with into_topic(settings.kafka, out_topic, partitions) as sink:
                begun = True
                yield sink
        except BaseException:
            if begun:
                say(
                    f"warning: {out_topic} holds a part of the replay at most. Delete it before the next "
                    "one, or name another with --out-topic."
                )
            raise
    else:
        with into_nothing() as sink:
            yield sink


def _mark(option: str, text: str | None) -> Mark:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} is {text!r}; write an offset (17) or an ISO 8601 time (2026-01-31T12:00:00+00:00)."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _print(summary: Summary, settings: Settings) -> None:
    from rich.table import Table

    table = Table(
        "partition",
        "messages",
        *COLUMNS.values(),
        "digest",
        title=f"{settings.run_name}: {summary.messages_per_second:,.0f} messages a second",
    )
    for partition, scores in summary.scores.items():
        shown = (f"{getattr(scores, field):.4f}" for field in COLUMNS)
        table.add_row(str(partition), str(scores.messages), *shown, summary.digests[partition][:16])
    print_table(wide_console(), table)
    typer.echo(f"{summary.messages} messages, {summary.dead_letters} dead letters, {summary.seconds:.1f} s")
