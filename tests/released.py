"""Snapshots as each release wrote them first: `python -m tests.released --write` makes those of the next one.

They are small files in `tests/stream/snapshot/released`, named after format and learner, and a promise: every
later version loads them and goes on. While the present format is not released yet, a change of a state makes
its files anew, with this command. `--release` puts them into `SHA256SUMS`: those are never written again.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import sys
from pathlib import Path

from stream.config.settings import Settings
from stream.pipeline.factory import make_task
from stream.pipeline.task import Task
from stream.records.schema import Output, Record
from stream.snapshot.contents import Identity, Snapshot, take
from stream.snapshot.format import dump, parse
from stream.snapshot.migrations import VERSION
from tests.stream.standins import event

FOLDER = Path(__file__).parent / "stream" / "snapshot" / "released"
FIRST = 6
"""The format of the first release that promised to go on from its snapshots, 0.2.0."""
LEARNERS = ("priors", "ihomer", "expansion")
SUMS = "SHA256SUMS"
STREAM = "soak"
EVENTS = 300
"""Of which a snapshot is taken."""


def settings(learner: str) -> Settings:
    """Return the settings that a file was written with."""
    return Settings.model_validate(
        {
            "stream": STREAM,
            "run": "same",
            "learner": {"name": learner},
            "encoder": {"parameters": {"dimensions": 64}},
        }
    )


def taught(learner: str) -> Task:
    """Return a task that has processed the events."""
    task = make_task(settings(learner))
    process(task, 0, EVENTS)
    return task


def process(task: Task, begin: int, end: int) -> list[Output]:
    """Process some of the events; return what is written."""
    records = [Record(f"{STREAM}.events", 0, n, n, f"k{n}".encode(), event(n)) for n in range(begin, end)]
    return task.process(records).outputs


def content(learner: str) -> bytes:
    """Return a snapshot's file as the present version writes it."""
    ours = settings(learner)
    identity = Identity(f"{STREAM}.events", None, 0, ours.configuration, ours.parts)
    snapshot = dataclasses.replace(take(taught(learner), identity), taken_at=0.0)
    return b"".join(map(bytes, dump(snapshot)))


def written(learner: str, version: int) -> bytes:
    """Return a snapshot's file as a release wrote it."""
    return gzip.decompress((FOLDER / f"{version}-{learner}.snapshot.gz").read_bytes())


def kept(learner: str, version: int) -> Snapshot:
    """Return a released snapshot, converted to the present format."""
    return parse(written(learner, version), f"{version}-{learner}.snapshot.gz")


def sums() -> dict[str, str]:
    """Return the released files' SHA-256, by name."""
    lines = (FOLDER / SUMS).read_text(encoding="utf-8").splitlines() if (FOLDER / SUMS).exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Write the files of the present format, or make them those of a release."""
    paths = {learner: FOLDER / f"{VERSION}-{learner}.snapshot.gz" for learner in LEARNERS}
    if not {"--write", "--release"} & set(sys.argv):
        print(__doc__)
        return 2
    if sums().keys() & {path.name for path in paths.values()}:
        print(f"Format {VERSION} is released: raise VERSION and add a step to stream/snapshot/migrations.py.")
        return 1
    if "--release" in sys.argv:
        released = sums() | {path.name: digest(path) for path in paths.values()}
        lines = [f"{released[name]}  {name}\n" for name in sorted(released)]
        (FOLDER / SUMS).write_text("".join(lines), encoding="utf-8")
        return 0
    for learner, path in paths.items():
        path.write_bytes(gzip.compress(content(learner), mtime=0))
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
