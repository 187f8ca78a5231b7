"""What is predicted while partitions and workers come and go, beside one partition in lockstep.

`python -m tests.benchmarks.growing [--limit N] [--learner NAME] [--lag N]` answers Reuters with one model
and no broker: a third of the events on one partition with one worker, a third on eight with three, a third
on eight with one again. `step` is how far micro-F1 behind lockstep, over the events just before each
change, differs from that just after it, in points: a change that costs knowledge would show there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from stream.config.settings import Settings
from stream.pipeline.factory import make_answerer, make_replica, make_task
from stream.records.schema import Record
from stream.sources import read_lines
from stream.testing.fleet import Fleet
from tests.benchmarks.scopes import scores_of
from tests.data import DATA

PARTITIONS = 8
CREWS = ((1, ["a"]), (PARTITIONS, ["a", "b", "c"]), (PARTITIONS, ["a"]))
"""Number of partitions, and the workers, of each third."""


def main(
    limit: Annotated[int, typer.Option(help="Events.")] = 21_578,
    learner: Annotated[str, typer.Option(help="Learner by name.")] = "ihomer",
    lag: Annotated[int, typer.Option(help="Events that are answered between two looks at the lessons.")] = 64,
) -> None:
    """Answer all events, and compare."""
    values = [line for _, line in read_lines(DATA / "reuters21578" / "events.jsonl.gz", limit)]
    settings = Settings.model_validate({"stream": "s", "learner": {"name": learner}})
    shared = predictions_of(_shared(settings, values, lag))
    lockstep = predictions_of(_lockstep(settings, values))
    assert sorted(shared) == sorted(lockstep), "events were lost"
    ids = [json.loads(value)["id"] for value in values]
    window, third = len(ids) // 12, len(ids) // 3
    table = Table("events", "partitions", "workers", "shared", "lockstep", "behind", box=None)
    behind = {}
    for begin in range(0, len(ids) - window + 1, window):
        some = ids[begin : begin + window]
        pair = [scores_of([made[each] for each in some]).micro_f1 for made in (shared, lockstep)]
        behind[begin] = 100 * (pair[1] - pair[0])
        partitions, crew = CREWS[min(begin // third, 2)]
        figures = (f"{pair[0]:.3f}", f"{pair[1]:.3f}", f"{behind[begin]:.1f}")
        table.add_row(f"from {begin:,}", str(partitions), str(len(crew)), *figures)
    console = Console()
    console.print(table)
    for name, change in (("1 to 8 partitions, 1 to 3 workers", 4), ("3 workers to 1", 8)):
        before, after = behind[(change - 1) * window], behind[change * window]
        console.print(f"step, {name}: {after - before:+.1f} points")


def predictions_of(values: Sequence[bytes]) -> dict[str, dict[str, Any]]:
    """Return written predictions by their event's id; each event has one."""
    found = {prediction["id"]: prediction for prediction in map(json.loads, values)}
    assert len(found) == len(values), "an event was answered twice"
    return found


def _shared(settings: Settings, values: Sequence[bytes], lag: int) -> list[bytes]:
    third = len(values) // 3
    partitions: dict[int, list[Record]] = {partition: [] for partition in range(PARTITIONS)}
    for number, value in enumerate(values):
        place = 0 if number < third else number % PARTITIONS
        partitions[place].append(_record(value, place, len(partitions[place])))
    fleet = Fleet(
        {0: partitions[0]},
        lambda: make_replica(settings),
        lambda partition, replica: make_answerer(settings, replica),
    )
    for count, crew in CREWS:
        fleet.extend({each: partitions[each] for each in range(count)})
        fleet.share(crew)
        # A worker looks at the lessons before it answers a batch of each of its partitions.
        batch = max(1, lag * len(crew) // count)
        fleet.run(batch, events=None if crew is CREWS[-1][1] else third)
    return [each.value or b"" for each in fleet.outputs if each.kind == "predictions"]


def _lockstep(settings: Settings, values: Sequence[bytes]) -> list[bytes]:
    task = make_task(settings)
    outcome = task.process([_record(value, 0, number) for number, value in enumerate(values)])
    return [each.value or b"" for each in outcome.outputs if each.kind == "predictions"]


def _record(value: bytes, partition: int, offset: int) -> Record:
    return Record("s.events", partition, offset, 1_700_000_000_000 + offset, None, value)


if __name__ == "__main__":
    typer.run(main)
