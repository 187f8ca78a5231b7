"""Logs on standard error: one JSON object per line for machines, or plain text for people."""

from __future__ import annotations

import datetime
import json
import logging
from typing import Literal

CLIENT = "kafka"
HARMLESS = ("It is blocking the event loop", "Metadata refresh: failed Cancelled")
"""Parts of the client's warnings that say only that the processor is busy, or that a client is closed."""
CHATTY = (CLIENT, "uvicorn")
"""Libraries that log connections and settings rather than the stream."""
REPEAT_S = 60.0
"""Seconds for which a line of the client's code is silenced after it has logged: with a broker that is down,
the client retries every second."""

OWN = frozenset(vars(logging.makeLogRecord({})))
"""Attributes of every log record; others were given by the caller as `extra`."""


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, `extra` fields, and the traceback if any.

    Examples
    --------
    >>> record = logging.makeLogRecord({"created": 0.0, "name": "stream", "msg": "up", "partition": 3})
    >>> json.loads(JsonFormatter().format(record))["partition"]
    3
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in OWN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class RepeatFilter(logging.Filter):
    """Passes each line of the client's code once in `REPEAT_S`, with the number suppressed since then.

    `HARMLESS` ones do not pass. An error of the network is told in its own words, without a traceback.

    Examples
    --------
    >>> repeats = RepeatFilter()
    >>> spoken = {"name": "kafka.net", "lineno": 7, "msg": "no broker at %s", "args": ("localhost",)}
    >>> records = [logging.makeLogRecord(spoken | {"created": second}) for second in (0.0, 1.0, 2.0, 61.0)]
    >>> [record.getMessage() for record in records if repeats.filter(record)]
    ['no broker at localhost', 'no broker at localhost (and 2 more like it since)']
    """

    def __init__(self) -> None:
        super().__init__()
        self._latest: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes."""
        if not record.name.startswith(CLIENT):
            return True
        if any(part in record.getMessage() for part in HARMLESS):
            return False
        place = record.name, record.lineno
        at, missed = self._latest.get(place, (-REPEAT_S, 0))
        if record.created < at + REPEAT_S:
            self._latest[place] = at, missed + 1
            return False
        self._latest[place] = record.created, 0
        if record.exc_info and isinstance(error := record.exc_info[1], OSError):
            # A connection that ends is none of the client's faults, which a traceback would help to find.
            record.msg, record.args = f"{record.getMessage()}: {error}", None
            record.exc_info = record.exc_text = None
        if missed:
            record.msg, record.args = f"{record.getMessage()} (and {missed} more like it since)", None
        return True


def configure_logs(level: str, style: Literal["json", "text"]) -> None:
    """Send every log record of at least a level to standard error.

    The client's and the web server's own records below "warning" are dropped, and the client's repetitions
    are limited by `RepeatFilter`.
    """
    handler = logging.StreamHandler()
    handler.addFilter(RepeatFilter())
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
