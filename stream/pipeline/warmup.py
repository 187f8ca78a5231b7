"""Compiling what a task runs before it is needed: before a group is joined, before time is measured."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from drift.core import Vector, compilations
from learners import LEARNERS
from learners.wrappers import RiverLearner
from stream.config import LearnerSettings, Settings
from stream.encoders import compile_hashing
from stream.pipeline.factory import make_task
from stream.pipeline.model import EXPLAINED, NEAREST
from stream.pipeline.task import Task
from stream.records import Event

MESSAGES, RIVER_MESSAGES = 320, 64
"""Trees first split, and clusters first divide, after about 200; river's models are slow and not compiled."""
LABELS, FEATURES = 8, 16
TOLD_EVERY_S = 5.0


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def warm_up(task: Task, show: Callable[[str], None] = _to_stderr) -> None:
    """Run a new task on synthetic messages, so that all its functions are compiled; discard it afterwards.

    Compiled code is cached on disk: this takes most of a minute once per machine, and a second after that.

    Parameters
    ----------
    task
        Has the learner, the monitors and all else that will run. Its encoder is not used; what hashes text is
        compiled in any case.
    show
        Receives progress lines for the user; none where nothing is compiled.
    """
    began = shown = time.monotonic()
    count = 0

    def compiled(name: str) -> None:
        nonlocal shown, count
        del name
        count += 1
        if count == 1:
            show("compiling kernels, once per machine")
        elif time.monotonic() - shown > TOLD_EVERY_S:
            shown = time.monotonic()
            show(f"compiling kernels: {count} in {shown - began:.0f} s")

    messages = _messages(RIVER_MESSAGES if isinstance(task.model.learner, RiverLearner) else MESSAGES)
    # A learner that fails on synthetic messages may work on real ones, where a failure costs one dead letter.
    with compilations(compiled), suppress(Exception):
        compile_hashing()
        for event, x in messages:
            learner = task.model.learner
            learner.explain(learner.predict(x), EXPLAINED, NEAREST)
            task.advance(event, x)
    if count:
        show(f"compiled {count} kernels in {time.monotonic() - began:.0f} s")


def compile_all() -> None:
    """Compile what each learner runs, with all monitors: for building an image."""
    for name in LEARNERS:
        task = make_task(Settings(learner=LearnerSettings(name=name)))
        if not isinstance(task.model.learner, RiverLearner):
            _to_stderr(name)
            warm_up(task)


def _messages(count: int) -> Iterator[tuple[Event, Vector]]:
    """Yield messages with pairs of labels, missing values and unknown labels; at the end the pairs shift."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(LABELS, FEATURES)).astype(np.float32)
    for number in range(count):
        label = int(rng.integers(LABELS))
        shift = LABELS // 2 if number > count * 2 // 3 else 0
        x = centres[(label + shift) % LABELS] + rng.normal(0, 0.3, FEATURES).astype(np.float32)
        x[rng.random(FEATURES) < 0.05] = np.nan
        pair, others = ([f"{each // 4}/{each}" for each in (n, n ^ 1)] for n in (label, (label + 2) % LABELS))
        complete = number % 5 < 4
        name = str(number)
        yield Event(id=name, ts=number, text=name, labels=pair, labels_complete=complete, not_=others), x
