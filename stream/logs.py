"""Logs on standard error: a line of JSON an event for machines, or plain text for people."""

from __future__ import annotations

import datetime
import json
import logging
from typing import Literal

OWN = frozenset(vars(logging.makeLogRecord({})))
"""What every log record has; the rest was given by the caller as `extra`."""


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, `extra` fields, and the traceback if any.

    Examples
    --------
    >>> record = logging.makeLogRecord({"created": 0.0, "name": "stream", "msg": "up", "partition": 3})
    >>> json.loads(JsonFormatter().format(record))["partition"]
    3
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
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


def configure(level: str, style: Literal["json", "text"]) -> None:
    """Send every log record of at least a level to standard error.

    The client's and the web server's own records below "warning" are left out: they tell of connections
    and settings, not of the stream.
    """
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("kafka", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
