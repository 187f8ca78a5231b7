"""Logs: what the client says, and how often."""

from __future__ import annotations

import logging
import sys

import pytest

from stream.telemetry.logs import RepeatFilter


def logged(name: str, error: Exception) -> logging.LogRecord:
    """Return what is left of a record with an error, which passes."""
    try:
        raise error
    except Exception:
        record = logging.LogRecord(name, logging.ERROR, "f.py", 7, "Error %s", ("receiving",), sys.exc_info())
    assert RepeatFilter().filter(record)
    return record


@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "Connection reset by peer"), TimeoutError("late")]
)
def test_a_lost_connection_is_told_without_a_traceback(error: OSError) -> None:
    """The client logs one each time that a broker goes, which is nobody's mistake."""
    record = logged("kafka.net.transport", error)
    assert logging.Formatter("%(message)s").format(record) == f"Error receiving: {error}"


@pytest.mark.parametrize(
    ("name", "error"), [("kafka.net.transport", KeyError("x")), ("stream.worker", OSError("x"))]
)
def test_other_errors_keep_theirs(name: str, error: Exception) -> None:
    """The client's mistakes, and whatever is our own."""
    assert "Traceback" in logging.Formatter().format(logged(name, error))
