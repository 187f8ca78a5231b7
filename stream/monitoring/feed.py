"""Sources of records: a stream's topics, a replay's topic, a replay's file."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from stream.config import KafkaSettings
from stream.kafka import BrokerError, Tail
from stream.monitoring.output_records import (
    InputRecord,
    NotOursError,
    OutputRecord,
    TriageEntry,
    of_input,
    of_line,
    of_record,
    of_triage,
)
from stream.monitoring.recent_predictions import PREDICTIONS_KEPT
from stream.monitoring.stream_state import StreamState
from stream.records import DEFAULT_LIMITS, Envelope, Limits, Record, topic

BACK = {
    "predictions": PREDICTIONS_KEPT,
    "events": 2 * PREDICTIONS_KEPT,
    "drift": 5_000,
    "label-stats": None,
    "dlq": 1_000,
    "triage": None,
}
"""Offsets before the end of a topic at which reading begins, by kind of topic; None: at its first."""
WAIT_S, RECONNECT_S = 0.25, 2.0
PORTION = 500
"""Records taken in before the lock is released for the page's requests."""

log = logging.getLogger(__name__)


class Feed(threading.Thread):
    """Feeds a stream's state from a broker until `stop`; errors are recorded in the state and retried.

    Parameters
    ----------
    state
        The state to feed.
    settings
        Connection to the broker.
    stream
        Stream whose topics are read: what workers wrote, and the events, for their contents and late labels.
    single
        Topic of a replay to read instead: it holds output records of every kind.
    envelope, limits
        What events may be in, and what they may not exceed; see the settings.

    Attributes
    ----------
    state
        As given.
    """

    def __init__(
        self,
        state: StreamState,
        settings: KafkaSettings,
        stream: str = "",
        single: str | None = None,
        envelope: Envelope | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(name=f"feed {state.name}", daemon=True)
        self.state = state
        self._settings = settings
        self._events, self._triage = topic(stream, "events"), topic(stream, "triage")
        self._envelope = envelope
        self._limits = limits
        # Label statistics are read first, so that their labels do not count as births in the predictions.
        self._topics: list[dict[str, int | None]] = (
            [{single: None}]
            if single
            else [
                {topic(stream, "label-stats"): None},
                {topic(stream, kind): back for kind, back in BACK.items()},
            ]
        )
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread soon."""
        self._stopping.set()

    def run(self) -> None:
        """Read until `stop`; `start` calls this in the thread."""
        while not self._stopping.is_set():
            try:
                self._follow()
            except (BrokerError, OSError) as error:
                log.warning("%s: %s", self.state.name, error)
                self.state.problem = str(error)
                self._stopping.wait(RECONNECT_S)

    def _follow(self) -> None:
        for topics in self._topics[:-1]:
            self._read(topics, lambda tail: not tail.caught_up)
        self._read(self._topics[-1], lambda tail: True)

    def _read(self, topics: dict[str, int | None], going: Callable[[Tail], bool]) -> None:
        # The worker of an earlier version has made no topic for decisions.
        tail = Tail(self._settings, topics, optional=[self._triage])
        self.state.problem = ""
        try:
            while not self._stopping.is_set() and going(tail):
                _take(self.state, map(self._read_record, tail.poll(WAIT_S)))
                if not self.state.ready and topics is self._topics[-1]:
                    self.state.ready = tail.caught_up
        finally:
            tail.close()

    def _read_record(self, record: Record) -> InputRecord | OutputRecord | TriageEntry | None:
        if record.topic == self._events:
            return of_input(record, self._envelope, self._limits)
        try:
            return of_triage(record) if record.topic == self._triage else of_record(record)
        except NotOursError:
            self.state.skipped += 1
            return None


def read_file(state: StreamState, path: Path) -> None:
    """Feed a stream's state from a replay's file.

    Raises
    ------
    OSError
        When the file cannot be read.
    NotOursError
        When a line is not a replay's.
    """
    try:
        with path.open("rb") as file:
            _take(state, map(of_line, file))
    except NotOursError as error:
        raise NotOursError(
            f"{path} is no replay's file ({error}). Name one that `ithaca replay --out` wrote."
        ) from error
    state.ready = True


def _take(state: StreamState, written: Iterable[InputRecord | OutputRecord | TriageEntry | None]) -> None:
    read = (each for each in written if each is not None)
    while portion := list(itertools.islice(read, PORTION)):
        with state.lock:
            for each in portion:
                state.take(each)
