"""Whatever a record's bytes are: good or a BadEventError; and what is good is read again as it was."""

from __future__ import annotations

import math

from stream.pipeline.lesson import KnownLabels
from stream.records.decoding import CONTROL_TYPE, FEEDBACK_TYPE, decode
from stream.records.schema import (
    MAX_DETAIL_CHARACTERS,
    BadEventError,
    Control,
    Event,
    Feedback,
    Headers,
    Input,
    encode,
)

HEADERS: dict[type[Input], Headers] = {
    Event: (),
    Feedback: (("ce_type", FEEDBACK_TYPE),),
    Control: (("ce_type", CONTROL_TYPE),),
}
"""What a record of each kind declares to be, if it does."""


def check_refusal(bad: BadEventError) -> None:
    """Make sure that a reason fits a header."""
    assert bad.reason in ("json", "schema", "value", "size")
    assert 0 < len(bad.detail.encode()) <= 4 * MAX_DETAIL_CHARACTERS


def one_input(given: bytes) -> None:
    """Read some bytes, the first of which says what they claim to be."""
    kind = (Event, Feedback, Control)[given[0] % 3 if given else 0]
    headers = HEADERS[kind]
    try:
        message = decode(given[1:], headers)
    except BadEventError as bad:
        check_refusal(bad)
        return
    assert isinstance(message, kind) or not headers
    assert decode(encode(message), HEADERS[type(message)]) == message
    if isinstance(message, Control):
        return
    assert math.isfinite(message.seconds)
    truth = KnownLabels.of(message)
    assert truth.updated(truth).same(truth)
    assert not truth.contradicts(truth)
