"""Whatever a record's bytes are: an event, feedback or a BadEventError; and it is read again as it was."""

from __future__ import annotations

import math

from stream.decoding import FEEDBACK_TYPE, decode
from stream.events import MAX_DETAIL_CHARACTERS, BadEventError, Feedback, encode
from stream.truth import Truth

DECLARED = (("ce_type", FEEDBACK_TYPE),)


def check_refusal(bad: BadEventError) -> None:
    """Make sure that a reason fits a header."""
    assert bad.reason in ("json", "schema", "value", "size")
    assert 0 < len(bad.detail.encode()) <= 4 * MAX_DETAIL_CHARACTERS


def one_input(given: bytes) -> None:
    """Read some bytes, the first of which says whether they claim to be feedback."""
    headers = DECLARED if given[:1] < b"\x80" else ()
    try:
        message = decode(given[1:], headers)
    except BadEventError as bad:
        check_refusal(bad)
        return
    assert math.isfinite(message.seconds)
    assert isinstance(message, Feedback) or not headers
    assert decode(encode(message), DECLARED if isinstance(message, Feedback) else ()) == message
    truth = Truth.of(message)
    assert truth.updated(truth).same(truth)
    assert not truth.contradicts(truth)
