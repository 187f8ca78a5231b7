"""The warm-up: what it compiles is what runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.pipeline import warmup
from stream.pipeline.warmup import warm_up
from tests.stream.standins import make_task

PROGRAM = '''
import itertools, json, sys
import numpy as np
from drift.core import compilations
from stream.config import LearnerSettings, Settings
from stream.demo.support_messages import messages
from stream.pipeline import make_task, warm_up
from stream.records import Record
from stream.testing.synthetic import PlantedDrift, Synthetic

settings = Settings(learner=LearnerSettings(name=sys.argv[1]))
warm_up(make_task(settings))
planted = Synthetic([PlantedDrift("concept", start=150), PlantedDrift("birth", start=200)]).events(300)
vectors = settings.model_copy(update={"encoder": settings.encoder.model_copy(update={"name": "dense"})})
# What a fresh machine would compile: other tests may have left it on disk.
sys.modules["drift.core.compiled"]._Kept.load_overload = lambda self, sig, target_context: None
def many():
    """Forty labels a message, until only some of so many are scored; then known ones, and new."""
    rng = np.random.default_rng(0)
    for n in range(400):
        known = [f"l{label}" for label in rng.integers(2400, size=3)]
        absent = {"labels_complete": False, "not": [f"l{rng.integers(2400)}"]} if n % 9 == 0 else {}
        fresh = [f"l{40 * n + each}" for each in range(40 if n < 60 else n % 4 == 0)]
        labels = fresh if n < 60 else known + fresh
        text = " ".join(f"w{word}" for word in rng.integers(500, size=20))
        yield json.dumps({"id": str(n), "ts": n, "text": text, "labels": labels, **absent}).encode()

few = Settings(learner=LearnerSettings(name=sys.argv[1], parameters={"max_labels": 90}))
with compilations(print):
    for each, values in (
        (settings, itertools.islice(messages(600), 600)),
        (vectors, (json.dumps(event, default=str).encode() for event in planted)),
        (settings, many()),
        (few, many()),
    ):
        task = make_task(each)
        for offset, value in enumerate(values):
            task.process([Record("s.events", 0, offset, 0, None, value)])
        task.state()
'''


@pytest.mark.parametrize("learner", ["ihomer", "expansion", "hoeffding-adaptive-tree", "knn"])
def test_nothing_is_left_to_compile(learner: str) -> None:
    """Text and vectors, drifts, labels that come, thousands, and leave: all that runs has been compiled."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, learner]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], check=True, capture_output=True, text=True)
    assert done.stdout == ""


def test_silent_where_all_is_compiled() -> None:
    """Only who waits is told why."""
    warm_up(make_task())
    lines: list[str] = []
    warm_up(make_task(), lines.append)
    assert not lines


def test_who_waits_is_told_at_once_then_from_time_to_time_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not of every kernel."""

    @contextmanager
    def compiling(compiled: Callable[[str], None]) -> Iterator[None]:
        for name in "abc":
            compiled(name)
        monkeypatch.setattr(warmup, "TOLD_EVERY_S", -1.0)
        compiled("d")
        yield

    monkeypatch.setattr(warmup, "compilations", compiling)
    lines: list[str] = []
    warm_up(make_task(), lines.append)
    assert [line.rpartition(" in ")[0] or line for line in lines] == [
        "compiling kernels, once per machine",
        "compiling kernels: 4",
        "kernels compiled: 4",
    ]
