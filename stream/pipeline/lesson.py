"""What there is to learn from one event, once something is known of its labels."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from drift.core import Vector
from learners.core import Prediction
from learners.uncertainty import Confidence
from stream.pipeline.known_labels import KnownLabels

DIGEST = 16
"""Bytes of a digest."""
NO_RECORD = bytes(DIGEST)
"""Fingerprint of what comes from no record, as in an evaluation."""


class Lesson(NamedTuple):
    """What there is to learn.

    Parameters
    ----------
    x
        The event's vector, as it was when it was predicted.
    prediction
        What was predicted then, to be scored; None where that is done.
    known
        All that is known of the event's labels.
    fingerprint
        Stands for all records that this comes from.
    delay
        Events predicted since this one was.
    confidence
        What was said with the prediction of how sure it is; None likewise, or where nothing was.
    text
        The event's text, for whom an alarm is explained to; None where it was not kept.
    """

    x: Vector
    prediction: Prediction | None
    known: KnownLabels
    fingerprint: bytes
    delay: int = 0
    confidence: Confidence | None = None
    text: str | None = None


def hash_chain(*parts: bytes) -> bytes:
    """Return a digest that stands for some bytes in their order."""
    running = hashlib.blake2b(digest_size=DIGEST)
    for part in parts:
        running.update(len(part).to_bytes(8, "little"))
        running.update(part)
    return running.digest()
