"""The error of an encoder that does not work."""

from __future__ import annotations


class EncoderError(RuntimeError):
    """The encoder itself fails, not because of an event. Nothing was learned; try again later."""
