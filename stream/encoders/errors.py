"""What an encoder in trouble raises."""

from __future__ import annotations


class EncoderError(RuntimeError):
    """The encoder itself is in trouble: no event's fault. Nothing was taken in; try again later."""
