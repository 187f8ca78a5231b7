"""Text: the default learner beside linear ones, Vowpal Wabbit among them if the extra `peers` is installed.

Run `python -m tests.benchmarks.text [--data reuters21578 arxiv_daily] [--limit 21578 20000] [--learners NAME
...]`. Every message is predicted and learned by all in turn, as it came, from the first one on; microseconds
are of one core, tokenising and hashing included. Vowpal Wabbit gets words and pairs of words in 2^20 places,
and is told beforehand how many labels there will be: *vw* has its defaults, *vw, logistic* the logistic loss.
Wanted: Reuters .82 / .80 / .36 and arXiv .41 / .71 / .065 or better, at most 500 microseconds a message.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from rich.console import Console
from rich.table import Table

from learners.catalogue import make
from learners.core import LabelSpace, Prediction, Targets
from learners.metrics.prequential import Prequential
from stream.encoders import Hashing
from stream.records import Event
from stream.sources import open_source
from tests.data import DATA

VW = "--quiet --bit_precision 20 --ngram t2 --multilabel_oaa"
PEERS = {"vw": "", "vw, logistic": "--loss_function logistic"}
WORD = re.compile(r"\w+")


class Answering(Protocol):
    """What predicts a text's labels, and then learns them."""

    def predict(self, event: Event) -> tuple[Prediction, Targets]:
        """Return the prediction, and the event's labels by id."""

    def learn(self) -> None:
        """Learn what was predicted last."""

    @property
    def known(self) -> int:
        """Labels known so far."""


class Ours:
    """A learner of the catalogue, on hashed text."""

    def __init__(self, name: str) -> None:
        self._learner, self._encoder = make(name), Hashing(device="cpu")
        self._last: Any = None

    @property
    def known(self) -> int:
        """See `Answering.known`."""
        return len(self._learner.label_space)

    def predict(self, event: Event) -> tuple[Prediction, Targets]:
        """See `Answering.predict`."""
        [x] = self._encoder.encode([event])
        prediction = self._learner.predict(x)
        self._last = x, self._learner.label_space.targets(event.labels or ()), prediction
        return prediction, self._last[1]

    def learn(self) -> None:
        """See `Answering.learn`."""
        self._learner.learn_predicted(*self._last)


class VowpalWabbit:
    """Vowpal Wabbit's multilabel one against all: a regression for each label, told how many there are."""

    def __init__(self, labels: int, options: str) -> None:
        self._space, self._last = LabelSpace(), ""
        self._model = importlib.import_module("vowpalwabbit").Workspace(f"{VW} {labels} {options}")

    @property
    def known(self) -> int:
        """See `Answering.known`."""
        return len(self._space)

    def predict(self, event: Event) -> tuple[Prediction, Targets]:
        """See `Answering.predict`."""
        example = f"|t {' '.join(WORD.findall((event.text or '').lower()))}"
        told = np.array(sorted(self._model.predict(example)), dtype=np.intp)
        # One that it says of a label not seen yet is no name that it could tell.
        chosen = told[told < self.known]
        scores = np.zeros(self.known, dtype=np.float32)
        scores[chosen] = 1.0
        targets = self._space.targets(event.labels or ())
        self._last = f"{','.join(map(str, targets.positive.tolist()))} {example}"
        return Prediction(chosen, scores), targets

    def learn(self) -> None:
        """See `Answering.learn`."""
        self._model.learn(self._last)


class Trial:
    """One of them on one stream."""

    def __init__(self, answering: Answering) -> None:
        self._answering, self._scores, self._seconds = answering, Prequential(), 0.0

    def follow(self, event: Event) -> None:
        """Predict a message, then learn it."""
        began = time.thread_time()
        prediction, targets = self._answering.predict(event)
        self._answering.learn()
        self._seconds += time.thread_time() - began
        self._scores.update(prediction, targets, self._answering.known)

    def row(self) -> list[str]:
        """Return the scores and the cost as text."""
        found = self._scores.summary()
        scores = found.subset_accuracy, found.micro_f1, found.macro_f1, found.errors_per_message
        return [*(f"{score:.3f}" for score in scores), f"{1e6 * self._seconds / found.messages:,.0f}"]


def trials(learners: Sequence[str], labels: int) -> dict[str, Trial]:
    """Return a trial for each learner, and for each peer that is installed."""
    made: dict[str, Answering] = {name: Ours(name) for name in learners}
    if importlib.util.find_spec("vowpalwabbit"):
        made |= {name: VowpalWabbit(labels, options) for name, options in PEERS.items()}
    return {name: Trial(answering) for name, answering in made.items()}


def show(name: str, limit: int, learners: Sequence[str]) -> None:
    """Run all on one stream, and print a table."""
    source = open_source(DATA / name / "events.jsonl.gz")
    events = [source.message(place) for place in range(min(limit, len(source)))]
    texts = [event for event in events if isinstance(event, Event)]
    running = trials(learners, len({label for event in texts for label in event.labels or ()}))
    for event in texts:
        for trial in running.values():
            trial.follow(event)
    table = Table(title=f"{name}, {len(texts):,} messages")
    for heading in ("", "subset", "micro-F1", "macro-F1", "errors", "µs a message"):
        table.add_column(heading, justify="right")
    for title, trial in running.items():
        table.add_row(title, *trial.row())
    Console().print(table)


def main() -> None:
    """Print a table for each stream."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--data", nargs="*", default=("reuters21578", "arxiv_daily"))
    arguments.add_argument("--limit", type=int, nargs="*", default=(21_578, 20_000), help="messages of each")
    learners = ("ihomer", "sparse-linear", "adaptive-linear", "persistence", "majority")
    arguments.add_argument("--learners", nargs="*", default=learners)
    given = arguments.parse_args()
    for name, limit in zip(given.data, given.limit, strict=True):
        show(name, limit, given.learners)


if __name__ == "__main__":
    main()
