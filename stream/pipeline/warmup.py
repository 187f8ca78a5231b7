"""Compiling what a task runs before it is needed: before a group is joined, before time is measured."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from drift.core import Vector, compilations
from learners import LEARNERS
from learners.core import Features, Sparse
from learners.ensemble import MANY
from learners.wrappers import RiverLearner
from stream.config import LearnerSettings, Settings
from stream.encoders import compile_hashing
from stream.pipeline.factory import make_task
from stream.pipeline.model import EXPLAINED, NEAREST
from stream.pipeline.task import Task
from stream.records import Event

MESSAGES, RIVER_MESSAGES = 400, 64
"""Trees first split, clusters first divide, and labels are silent after about 200; river's models are slow
and not compiled."""
LABELS, FEATURES, WORDS = 8, 16, 128
TOGETHER, EVERY = 40, 8
"""Labels of one message in so many, more than most have."""
TOLD_EVERY_S = 5.0


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def warm_up(task: Task, show: Callable[[str], None] = _to_stderr) -> None:
    """Run a new task on synthetic messages, so that all its functions are compiled; discard it afterwards.

    Compiled code is cached on disk: it takes a minute once per machine, and a second after that.

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

    river = isinstance(task.model.learner, RiverLearner)
    # A learner that fails on synthetic messages may work on real ones, where a failure costs one dead letter.
    with compilations(compiled), suppress(Exception):
        compile_hashing()
        space = task.model.learner.label_space
        space.limit = None  # A small one would refuse what comes.
        _take_in(task, RIVER_MESSAGES if river else MESSAGES)
        if not river:
            space.limit = len(space)  # For each new label another one leaves.
            _take_in(task, EVERY, 2 * MANY)
            space.limit = None
            # From so many labels on, only a shortlist is scored.
            space.ids(map(str, range(MANY)))
            for first in (MANY // 2, MANY - TOGETHER // 2):  # Of known labels, and of new ones.
                _take_in(task, MESSAGES // 4, first)
    if count:
        show(f"kernels compiled: {count} in {time.monotonic() - began:.0f} s")


def _take_in(task: Task, count: int, first: int = 0) -> None:
    learner = task.model.learner
    for event, x in _messages(count, first):
        learner.explain(learner.predict(x), EXPLAINED, NEAREST)
        task.advance(event, x)


def compile_all() -> None:
    """Compile what each learner runs, with all monitors: for building an image."""
    for name in LEARNERS:
        task = make_task(Settings(learner=LearnerSettings(name=name)))
        if not isinstance(task.model.learner, RiverLearner):
            _to_stderr(name)
            warm_up(task)


def _messages(count: int, first: int) -> Iterator[tuple[Event, Vector]]:
    """Yield messages of all kinds, as far as these run code of their own.

    With pairs of labels, at first without a tree, and some with many more, from label `first` on; every
    second one with a sparse part; with missing values and unknown labels. One label is told in the first
    fifth and falls silent, another one comes in the last, and then the pairs shift, too.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(LABELS, FEATURES)).astype(np.float32)
    for number in range(count):
        label, fifth = int(rng.integers(LABELS)), number * 5 // count
        shift = LABELS // 2 if fifth == 4 else 0
        x = centres[(label + shift) % LABELS] + rng.normal(0, 0.3, FEATURES).astype(np.float32)
        x[rng.random(FEATURES) < 0.05] = np.nan
        if number % 2:
            words = rng.choice(WORDS, size=WORDS // 8, replace=False) + WORDS * label
            x = Features(x, Sparse(np.sort(words).astype(np.int32), np.full(len(words), 0.25, np.float32)))
        form = "{0}" if fifth < 2 else "{1}/{0}"
        pair, others = (
            [form.format(each, each // 4) for each in (n, n ^ 1)] for n in (label, (label + 2) % LABELS)
        )
        seen = {0: ["early"], 4: ["late"]}.get(fifth, [])
        seen += map(str, range(first + number, first + number + TOGETHER)) if number % EVERY == 0 else ()
        complete = number % 5 < 4
        name = str(number)
        yield (
            Event(id=name, ts=number, text=name, labels=pair + seen, labels_complete=complete, not_=others),
            x,
        )
