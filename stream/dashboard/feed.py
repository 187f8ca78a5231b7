"""Where the records come from: a stream's output topics, a replay's topic, a replay's file."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from stream.config import KafkaSettings
from stream.dashboard.ledger import KEPT
from stream.dashboard.model import Model
from stream.dashboard.records import NotOursError, Written, of_line, of_record
from stream.kafka import BrokerError, Tail
from stream.records import Record, topic

BACK = {"predictions": KEPT, "drift": 5_000, "label-stats": None, "dlq": 1_000}
"""By kind of topic, how many offsets before its end reading begins; None: at the first."""
WAIT_S, LAG_S, RETRY_S = 0.25, 1.0, 2.0
PORTION = 500
"""Records taken in between two looks at the page's requests."""

log = logging.getLogger(__name__)


class Feed(threading.Thread):
    """Feeds a model from a broker until `stop`; what goes wrong is said in the model and tried again.

    Parameters
    ----------
    model
        What to feed.
    settings
        The broker.
    stream
        Whose output topics to read.
    single
        A replay's topic to read in their place: it holds records of every kind.

    Attributes
    ----------
    model
        As given.
    """

    def __init__(
        self, model: Model, settings: KafkaSettings, stream: str = "", single: str | None = None
    ) -> None:
        super().__init__(name=f"feed {model.name}", daemon=True)
        self.model = model
        self._settings = settings
        self._events = None if single else topic(stream, "events")
        # What is known of labels comes first: a label in the predictions is then no birth.
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
        """End soon."""
        self._stopping.set()

    def run(self) -> None:
        """Read until `stop`; `start` calls this in the thread."""
        while not self._stopping.is_set():
            try:
                self._follow()
            except (BrokerError, OSError) as error:
                log.warning("%s: %s", self.model.name, error)
                self.model.problem = str(error)
                self._stopping.wait(RETRY_S)

    def _follow(self) -> None:
        for topics in self._topics[:-1]:
            self._read(topics, lambda tail: not tail.caught_up)
        self._read(self._topics[-1], lambda tail: True)

    def _read(self, topics: dict[str, int | None], going: Callable[[Tail], bool]) -> None:
        tail = Tail(self._settings, topics)
        self.model.problem = ""
        asked = 0.0
        try:
            while not self._stopping.is_set() and going(tail):
                _take(self.model, (_of_record(each) for each in tail.poll(WAIT_S)))
                if not self.model.ready and topics is self._topics[-1]:
                    self.model.ready = tail.caught_up
                if self._events and time.monotonic() - asked > LAG_S:
                    asked = time.monotonic()
                    self._ask_lag(tail, self._events)
        finally:
            tail.close()

    def _ask_lag(self, tail: Tail, events: str) -> None:
        answered = {number: each.latest for number, each in self.model.partitions.items()}
        for letter in list(self.model.letters):
            answered[letter.partition] = max(answered.get(letter.partition, -1), letter.offset)
        self.model.lag = {
            number: max(0, end - answered.get(number, -1) - 1) for number, end in tail.ends(events).items()
        }


def read_file(model: Model, path: Path) -> None:
    """Feed a model with a replay's file.

    Raises
    ------
    OSError
        When it cannot be read.
    NotOursError
        When a line is not a replay's.
    """
    with path.open("rb") as file:
        _take(model, map(of_line, file))
    model.ready = True


def _of_record(record: Record) -> Written | None:
    try:
        return of_record(record)
    except NotOursError:
        return None


def _take(model: Model, written: Iterable[Written | None]) -> None:
    portion: list[Written] = []
    for each in written:
        if each is None:
            model.skipped += 1
            continue
        portion.append(each)
        if len(portion) == PORTION:
            _feed(model, portion)
            portion = []
    _feed(model, portion)


def _feed(model: Model, portion: list[Written]) -> None:
    with model.lock:
        for each in portion:
            model.take(each)
