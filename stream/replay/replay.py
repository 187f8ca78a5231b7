"""A part of a topic's history through a new learner, without effect on the live service.

A replay belongs to no group, commits nothing and writes to no topic of a stream. Partitions are replayed one
after another, each by a task of its own, so two replays of the same part give the same bytes.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from drift.core import digest
from learners.metrics import Scores
from stream.config import KafkaSettings
from stream.kafka import History, Writer, ensure_topic
from stream.pipeline import LearnerError, Outcome, Replica, Task
from stream.records import KINDS, Output

Sink = Callable[[int, Sequence[Output]], None]
"""Where a replay writes: called with a partition and the outputs of some of its records, in order."""

REPLAYED_AT_ONCE = 1_000
"""Records per batch; the results do not depend on it."""


class ReplayError(ValueError):
    """A replay that would write to a topic it must not write to; the message says what to do instead."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """The result of a replay.

    Parameters
    ----------
    messages, dead_letters
        Records replayed, and those of them that could not be used.
    first_dead_letter
        Which of the latter came first, and why, in words; empty if there is none.
    seconds
        Duration of the replay.
    scores
        Prequential scores, by partition.
    digests
        SHA-256 of each partition's final state.
    """

    messages: int
    dead_letters: int
    first_dead_letter: str
    seconds: float
    scores: dict[int, Scores]
    digests: dict[int, str]

    @property
    def messages_per_second(self) -> float:
        """Records per second."""
        return self.messages / self.seconds if self.seconds else 0.0


def replay(
    history: History,
    make_task: Callable[[], Task | Replica],
    sink: Sink,
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Send the records of a history through new tasks, one per partition.

    Parameters
    ----------
    history
        The records to replay.
    make_task
        Makes a partition's task, with the learner that is wanted; a `LessonsReplay` for lessons.
    sink
        Receives predictions, drift events and dead letters.
    progress
        Called after every batch with the number of offsets done.
    """
    began = time.perf_counter()
    tasks: dict[int, Task | Replica] = {}
    messages = dead_letters = passed = 0
    first = ""
    for partition, (begin, end) in sorted(history.ranges.items()):
        tasks[partition] = make_task()
        for task, count, outcome in _outcomes(history, partition, make_task):
            sink(partition, outcome.outputs)
            tasks[partition] = task
            messages += count
            dead_letters += len(outcome.dead_letters)
            first = first or _first_dead_letter(outcome)
            progress(passed + outcome.next_offset - begin)
        passed += max(0, end - begin)
        progress(passed)
    return Summary(
        messages=messages,
        dead_letters=dead_letters,
        first_dead_letter=first,
        seconds=time.perf_counter() - began,
        scores={partition: task.observer.scores.summary() for partition, task in tasks.items()},
        digests={partition: digest(task.state()) for partition, task in tasks.items()},
    )


def _first_dead_letter(outcome: Outcome) -> str:
    for output in outcome.outputs:
        if output.kind == "dlq":
            headers = dict(output.headers)
            source, _, _ = headers["ce_id"].decode().rpartition("/")
            return f"{source}: {headers['ithaca_detail'].decode()}"
    return ""


def _outcomes(
    history: History, partition: int, make_task: Callable[[], Task | Replica]
) -> Iterator[tuple[Task | Replica, int, Outcome]]:
    """Replay one partition; leave out the records at which the learner fails.

    A failure may have taught half a record, so the task goes back to its state before the batch and takes the
    batch up to that record, then the rest. Batches shrink at a failure and double after each success: a
    batch is encoded as a whole, so otherwise each failure would encode all that follows.

    Yields, per batch or part, the task, how many records were answered, and their outcome.
    """
    refused: dict[int, str] = {}
    size = REPLAYED_AT_ONCE
    task = make_task()
    task.refused = refused
    for left in history.batches(partition, REPLAYED_AT_ONCE):
        while left:
            before, taken, outcome = copy.deepcopy(task.state()), left[:size], None
            while outcome is None:
                try:
                    outcome = task.process(taken)
                except LearnerError as error:
                    refused[error.offset], size = error.detail, max(1, size // 4)
                    taken = [record for record in left if record.offset <= error.offset]
                    task = make_task()
                    task.load_state(copy.deepcopy(before))
                    task.refused = refused
            yield task, len(taken), outcome
            left, size = left[len(taken) :], min(2 * size, REPLAYED_AT_ONCE)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One output in a replay's file.

    Parameters
    ----------
    source
        The record it comes from and what it is: "topic/partition/offset/kind".
    value
        The prediction or the drift event; none for a dead letter, whose bytes are still on the input topic.
    reason
        Why a record is a dead letter.
    """

    source: str
    value: msgspec.Raw | None = None
    reason: str | None = None


@contextmanager
def into_nothing() -> Iterator[Sink]:
    """Write nothing: for the summary alone."""
    yield lambda partition, outputs: None


@contextmanager
def into_file(path: Path) -> Iterator[Sink]:
    """Write JSON lines to a file; see `Line`."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:

        def write(partition: int, outputs: Sequence[Output]) -> None:
            del partition
            file.writelines(encoder.encode(_line(output)) + b"\n" for output in outputs)

        yield write


def _line(output: Output) -> Line:
    headers = dict(output.headers)
    source = headers["ce_id"].decode()
    if output.kind == "dlq":
        return Line(source, reason=headers["ithaca_reason"].decode())
    return Line(source, value=msgspec.Raw(output.value or b"null"))


@contextmanager
def into_topic(settings: KafkaSettings, name: str, partitions: int) -> Iterator[Sink]:
    """Write to a topic of its own, each output to the partition of its input.

    Raises
    ------
    ReplayError
        When the topic could be a stream's, or is not empty.
    """
    if name.rpartition(".")[2] in KINDS:
        raise ReplayError(
            f"A replay does not write to {name}: a live stream's topics are called so. "
            f"Choose a name that does not end in one of {', '.join('.' + kind for kind in KINDS)}."
        )
    ensure_topic(settings, name, partitions)
    earlier = History(settings, name)
    earlier.close()
    if len(earlier.ranges) < partitions or len(earlier):
        raise ReplayError(
            f"Topic {name} holds {len(earlier)} records in {len(earlier.ranges)} partitions; a replay "
            f"wants an empty one of {partitions}. Name one that does not exist yet."
        )
    with Writer(settings, name) as writer:

        def write(partition: int, outputs: Sequence[Output]) -> None:
            for output in outputs:
                writer.send(output.value, output.key, output.headers, partition)

        yield write
