"""Encoding a batch so that a bad event, or too large a batch, does not cost other events their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drift.core import Vector
from stream.encoders.base import Encoder
from stream.encoders.errors import EncoderError
from stream.records import BadEventError, Control, Event, Feedback, Input

ATTEMPTS = 3
"""Attempts to encode an event alone before it is refused."""


class Encoded(NamedTuple):
    """An event and its vector."""

    event: Event
    x: Vector


Decoded = Input | BadEventError
Message = Encoded | Feedback | Control | BadEventError


def encode_all(encoder: Encoder, decoded: Sequence[Decoded]) -> list[Message]:
    """Return messages with vectors for their events, or the error of an event; others are unchanged.

    Raises
    ------
    EncoderError
        See there.
    """
    checked = [_checked(encoder, one) for one in decoded]
    events = [one for one in checked if isinstance(one, Event)]
    vectors = iter(encode_each(encoder, events))
    return [_joined(one, next(vectors)) if isinstance(one, Event) else one for one in checked]


def _checked(encoder: Encoder, one: Decoded) -> Decoded:
    if isinstance(one, Event):
        try:
            encoder.check(one)
        except BadEventError as bad:
            return bad
    return one


def _joined(event: Event, x: Vector | BadEventError) -> Encoded | BadEventError:
    return x if isinstance(x, BadEventError) else Encoded(event, x)


def encode_each(
    encoder: Encoder, events: Sequence[Event], attempts: int = ATTEMPTS
) -> list[Vector | BadEventError]:
    """Return each event's vector, or the error why it has none.

    A batch that fails is encoded by halves: what does not fit into a device's memory at once does so in
    parts, and in a batch with a bad event only that one fails. The vectors are the same.

    Parameters
    ----------
    encoder
        The encoder of the vectors.
    events
        In order; each has passed the encoder's `check`.
    attempts
        Attempts to encode an event that fails alone.

    Raises
    ------
    EncoderError
        When the cause is the environment (files, network) or the device, not an event.
    """
    if not events:
        return []
    try:
        return [vector for _, vector in zip(events, encoder.encode(events), strict=True)]
    except _not_the_events() as error:
        raise EncoderError(f"{encoder.name} cannot encode: {type(error).__name__}: {error}") from error
    except Exception as error:
        if len(events) == 1 and attempts <= 1:
            detail = f"{encoder.name} cannot encode it: {type(error).__name__}: {error}"
            return [BadEventError("encoder", detail)]
    if len(events) == 1:
        return encode_each(encoder, events, attempts - 1)
    middle = len(events) // 2
    return encode_each(encoder, events[:middle], attempts) + encode_each(encoder, events[middle:], attempts)


def _not_the_events() -> tuple[type[Exception], ...]:
    """Return the errors that are not caused by an event."""
    # Importing torch takes seconds; this is called only after an error.
    import torch

    return OSError, torch.AcceleratorError
