"""Errors of working with a broker, divided by what can be done about them."""

from __future__ import annotations

import ast
import re

_RESPONSE = "failed with response"
"""What the library writes between the whole request and the whole response."""
_MESSAGE = re.compile(r"""error_message=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; the message names it, its answer, and the next step."""


class FencedError(RuntimeError):
    """A partition is no longer ours: another worker writes for it, or the group removed this worker.

    Nothing of the batch was emitted.
    """


class InstanceError(FencedError):
    """Another member of the group has the same instance name; this one must be started again."""

    def __init__(self) -> None:
        super().__init__(
            "Another worker of this group has the same worker.instance and took its place. Give each worker "
            "a name of its own"
        )


class UnwrittenError(RuntimeError):
    """A transaction failed, or its outcome is unknown; `Outbox.reopen` resolves it."""


class RecoveryError(RuntimeError):
    """Records to be relearned have been deleted; the message names the offsets, and what can be done."""


def named(error: Exception) -> str:
    """Return the name of an error and what it says, which for the client's own begins with the name already.

    Examples
    --------
    >>> from kafka.errors import KafkaTimeoutError
    >>> named(KafkaTimeoutError("No answer")), named(TimeoutError("No answer")), named(TimeoutError())
    ('KafkaTimeoutError: No answer', 'TimeoutError: No answer', 'TimeoutError')
    """
    name, text = type(error).__name__, answer(error)
    return text if name in text else f"{name}: {text}".removesuffix(": ")


def answer(error: Exception) -> str:
    """Return what the broker answered, in its own words, without the request and the response around them.

    Examples
    --------
    >>> from kafka.errors import InvalidTopicError
    >>> answer(InvalidTopicError("Request 'R()' failed with response 'A(error_message='No blanks.')'."))
    'No blanks (InvalidTopicError)'
    """
    text = str(error)
    if _RESPONSE not in text:
        return text.removesuffix(".")
    told = _MESSAGE.search(text, text.index(_RESPONSE))
    # Of some refusals the response has only the number.
    said = ast.literal_eval(told[1]) if told else getattr(error, "description", None)
    return f"{said.removesuffix('.')} ({type(error).__name__})" if said else type(error).__name__
