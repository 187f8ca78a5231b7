"""The shape of every state that snapshots hold: `python -m tests.states [--write]` makes `states.txt`.

A state is saved by name, so a field that is renamed, added, removed or given another type makes older
snapshots unreadable. A test compares the shapes with the file; where they differ, snapshots need another
format: raise `VERSION` and add a step in `stream/snapshot/migrations.py`. Only then can the file be written.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from learners.catalogue import LEARNERS, make
from learners.wrappers import RiverLearner
from stream.config.settings import Settings
from stream.pipeline.factory import make_answerer, make_replica, make_task
from stream.records.schema import Record
from stream.snapshot.migrations import VERSION
from tests.learners.checks import stream, teach

FILE = Path(__file__).parent / "states.txt"
MESSAGES = 150


def written() -> str:
    """Return the shapes of all states as they are now."""
    lines = sorted({line for name, state in _states() for line in _shape(state, name)})
    return "\n".join([f"version {VERSION}", *lines, ""])


def _states() -> Iterator[tuple[str, Any]]:
    for name in LEARNERS:
        learner = make(name)
        if not isinstance(learner, RiverLearner):
            teach(learner, stream(MESSAGES))
            yield f"learner {name}", learner.state()
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})
    task, replica = make_task(settings), make_replica(settings)
    answerer = make_answerer(settings, lambda: replica)
    for number in range(MESSAGES):
        labels = ["even"] if number % 2 == 0 else None
        value = json.dumps({"id": str(number), "ts": number, "text": f"event {number}", "labels": labels})
        record = Record("s.events", 0, number, number, None, value.encode())
        task.process([record])
        answerer.process([record])
    yield from (("task", task.state()), ("replica", replica.state()), ("answerer", answerer.state()))


def _shape(value: Any, path: str) -> Iterator[str]:
    """Yield a line for each leaf of a state; names that are numbers stand for any."""
    if isinstance(value, np.ndarray):
        yield f"{path} {value.dtype.str} {value.ndim}"
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _shape(each, f"{path}/{re.sub(r'[0-9]+', '#', key)}")
    else:
        yield f"{path} {type(value).__name__}"


def main() -> int:
    """Compare, or write."""
    found, kept = written(), FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if found == kept:
        return 0
    if "--write" not in sys.argv:
        print(f"{FILE.name} differs from the code")
        return 1
    if kept.startswith(f"version {VERSION}\n"):
        print(f"The states have another shape, and VERSION is still {VERSION}: raise it and add a step.")
        return 1
    FILE.write_text(found, encoding="utf-8")
    print(f"{FILE.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
