"""Prequential evaluation: learners over a finite stream, each message predicted before it is learned.

Every learner has a task of its own and processes the messages by `Task.advance`, as in the service, so scores
here equal the service's on the same events. Messages are encoded once for all learners.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.monitors import Monitors
from learners import BASELINES
from learners.core import Learner
from stream.encoders import Encoded, Encoder, encode_all, make_encoder
from stream.pipeline import FeedbackStore, Task, warm_up
from stream.records import BadEventError, Control, Event, Feedback, Input, Labelled, in_words
from stream.sources import Source, SourceError

ENCODED_AT_ONCE = 256
"""Messages encoded in one batch."""
POINTS = 100
"""Least number of points of a curve."""
_WARM: set[str] = set()
"""Learners that have run in this process, whose code is compiled."""


class Result(msgspec.Struct, frozen=True):
    """Scores of one learner; see `learners.metrics.Scores`. Speed covers predicting, scoring and learning."""

    learner: str
    subset_accuracy: float
    example_f1: float
    micro_f1: float
    macro_f1: float
    macro_f1_predicted: float
    hamming_loss: float
    errors_per_message: float
    p_at_1: float
    p_at_3: float
    p_at_5: float
    calibration_error: float
    messages_per_second: float


class Report(msgspec.Struct, frozen=True):
    """Scores of all learners on one stream.

    Parameters
    ----------
    data
        Name of the stream.
    messages
        Number of messages processed, without feedback.
    features
        Length of the longest vector.
    labels
        Number of labels that were named at least once.
    order
        "stored", or "shuffled:SEED".
    results
        One per learner, in the order given.
    """

    data: str
    messages: int
    features: int
    labels: int
    order: str
    results: list[Result]

    def kappa_temporal(self, result: Result) -> float | None:
        """Return the skill over persistence in subset accuracy: (s - p) / (1 - p).

        1 is perfect, 0 no better than repeating the previous labels, negative worse. None without that
        baseline, or where it is always right.

        References
        ----------
        .. [1] I. Žliobaitė et al., "Evaluation methods and decision theory for classification of streaming
           data with temporal dependence", Machine Learning 98, 2015.
        """
        persistence = [each.subset_accuracy for each in self.results if each.learner == BASELINES[0]]
        if not persistence or persistence[0] == 1.0:
            return None
        return (result.subset_accuracy - persistence[0]) / (1.0 - persistence[0])


class Point(NamedTuple):
    """Sums up to one place in a stream; see `learners.metrics.prequential.Counts`."""

    messages: int
    exact: int
    hits: int
    predicted: int
    actual: int
    cells: int


class Evaluation(NamedTuple):
    """A report, and details of the evaluation.

    Parameters
    ----------
    report
        The report.
    encoding_seconds
        Time spent on encoding, which no learner's speed includes; 0 where the stream contains vectors.
    problems
        Messages that were left out because they cannot be used, one sentence each.
    curves
        Sums of each learner at evenly spaced places, the last at the end of the stream.
    """

    report: Report
    encoding_seconds: float
    problems: Sequence[str]
    curves: Mapping[str, list[Point]]


def evaluate(
    source: Source,
    learners: Mapping[str, Learner],
    *,
    encoder: Encoder | None = None,
    shuffle: int | None = None,
    progress: Callable[[int], None] = lambda messages: None,
) -> Evaluation:
    """Run fresh learners over a stream and score every message from the first one.

    Parameters
    ----------
    source
        The stream.
    learners
        Fresh learners by name.
    encoder
        Computes the vectors of a stream that has none; None (the default) uses `hashing` if there is text,
        else `dense`.
    shuffle
        Seed of a random order (PCG64); None (the default) keeps the stored one.
    progress
        Called with the number of messages done since its last call.

    Raises
    ------
    SourceError
        When no message has a label, or none with a label could be used.
    """
    if not _any(source, lambda message: isinstance(message, Labelled) and message.teaches):
        raise SourceError(
            f"{source.name} has {len(source)} messages and no label: there is nothing to score. "
            "Give a stream whose events carry `labels`."
        )
    if encoder is None:
        text = _any(source, lambda message: isinstance(message, Event) and message.text is not None)
        encoder = make_encoder("hashing" if text else "dense")
    every = max(1, len(source) // POINTS)
    has_feedback = _any(source, lambda message: isinstance(message, Feedback))
    trials = [_Trial(name, encoder, learner, every, has_feedback) for name, learner in learners.items()]
    for trial in trials:
        trial.warm_up()
    batches = _Batches(source, encoder, _order(len(source), shuffle))
    for batch in batches:
        for trial in trials:
            trial.run(batch)
        progress(len(batch))
    problems = [*source.problems, *batches.problems, *(each for trial in trials for each in trial.problems)]
    if not any(trial.task.observer.scores.counts()[0] for trial in trials):
        first = f" The first that was left out: {problems[0]}." if problems else ""
        raise SourceError(
            f"Of the {len(source)} messages of {source.name} none was scored.{first} "
            "Events need labels, and what the encoder reads."
        )
    report = Report(
        data=source.name,
        messages=batches.messages,
        features=batches.features,
        labels=max(len(trial.task.model.learner.label_space) for trial in trials),
        order="stored" if shuffle is None else f"shuffled:{shuffle}",
        results=[trial.result(batches.messages) for trial in trials],
    )
    curves = {trial.name: trial.curve() for trial in trials}
    return Evaluation(report, batches.seconds, problems, curves)


def _any(source: Source, is_so: Callable[[Input], bool]) -> bool:
    return any(is_so(source.message(position)) for position in range(len(source)))


def _order(messages: int, shuffle: int | None) -> NDArray[np.intp]:
    if shuffle is None:
        return np.arange(messages)
    return np.random.Generator(np.random.PCG64(shuffle)).permutation(messages)


class _Trial:
    """The evaluation of one learner."""

    def __init__(self, name: str, encoder: Encoder, learner: Learner, every: int, has_feedback: bool) -> None:
        self.name = name
        store = FeedbackStore() if has_feedback else FeedbackStore(events=0)
        # Alarms are not read here, and the cost of monitors must not count in the learner's speed.
        self.task = Task(
            encoder, learner, Monitors(names=()), run="evaluate", source="/ithaca/evaluate", feedback=store
        )
        self.problems: list[str] = []
        self._every = every
        self._seconds = 0.0
        self._taken = 0
        self._curve: list[Point] = []

    def warm_up(self) -> None:
        """Compile before time is measured, once per process."""
        learner = self.task.model.learner
        if repr(learner) not in _WARM:
            _WARM.add(repr(learner))
            copied = copy.deepcopy(learner)
            warm_up(Task(self.task.encoder, copied, Monitors(names=()), run="", source=""))

    def run(self, batch: Sequence[Encoded | Feedback | Control]) -> None:
        started = time.perf_counter()
        for message in batch:
            if isinstance(message, Feedback):
                self.task.learn_feedback(message)
            elif isinstance(message, Control):
                self._apply(message)
            else:
                self.task.advance(*message)
            self._taken += 1
            if not self._taken % self._every:
                self._curve.append(self._point())
        self._seconds += time.perf_counter() - started

    def _apply(self, change: Control) -> None:
        try:
            self.task.model.apply(change)
        except BadEventError as bad:
            self.problems.append(f"{self.name} did not {in_words(change)}: {bad.detail}")

    def _point(self) -> Point:
        messages, counts = self.task.observer.scores.counts()
        return Point(messages, *counts)

    def curve(self) -> list[Point]:
        end = self._point()
        return self._curve if self._curve[-1:] == [end] else [*self._curve, end]

    def result(self, messages: int) -> Result:
        scores = dataclasses.asdict(self.task.observer.scores.summary())
        shown = {field: scores[field] for field in Result.__struct_fields__ if field in scores}
        speed = messages / self._seconds if self._seconds else 0.0
        return Result(learner=self.name, **shown, messages_per_second=speed)


class _Batches:
    """Messages with their vectors, in order, and the time that encoding took."""

    def __init__(self, source: Source, encoder: Encoder, order: NDArray[np.intp]) -> None:
        self._source = source
        self._encoder = encoder
        self._order = order
        self.messages = 0
        self.features = 0
        self.seconds = 0.0
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[list[Encoded | Feedback | Control]]:
        for start in range(0, len(self._order), ENCODED_AT_ONCE):
            batch = self._batch(self._order[start : start + ENCODED_AT_ONCE].tolist())
            sizes = [len(one.x) for one in batch if isinstance(one, Encoded)]
            self.messages += len(sizes)
            self.features = max([self.features, *sizes])
            yield batch

    def _batch(self, positions: list[int]) -> list[Encoded | Feedback | Control]:
        messages = [self._source.message(position) for position in positions]
        # A source has vectors for all of its messages or for none.
        stored = [self._source.vector(position) for position in positions]
        given: list[Encoded | Feedback | Control] = [
            Encoded(message, x)
            for message, x in zip(messages, stored, strict=True)
            if x is not None and isinstance(message, Event)
        ]
        if given:
            return given
        started = time.perf_counter()
        read = encode_all(self._encoder, messages)
        self.seconds += time.perf_counter() - started
        self.problems += [
            f"event {message.id!r}: {one.detail}"
            for message, one in zip(messages, read, strict=True)
            if isinstance(one, BadEventError) and isinstance(message, Event)
        ]
        return [one for one in read if not isinstance(one, BadEventError)]
