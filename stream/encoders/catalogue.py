"""Encoders by name, for the command line and configuration."""

from __future__ import annotations

from typing import Any

from drift.core import Registry
from stream.encoders.base import Encoder
from stream.encoders.dense import Dense

ENCODERS = Registry[Encoder](
    "encoder",
    {
        "dense": Dense,
        "hashing": "stream.encoders.hashing:Hashing",
        "transformer": "stream.encoders.transformer:Transformer",
    },
)
"""What makes each encoder; those named by their module need torch, which takes seconds to import.

The wrong one makes every event a dead letter that says what is missing."""


def make_encoder(name: str, **parameters: Any) -> Encoder:
    """Return a new encoder by its name.

    Parameters
    ----------
    name
        A key of `ENCODERS`.
    **parameters
        The encoder's parameters; what is left out has the encoder's default.

    Raises
    ------
    ValueError
        When there is no such encoder, it has no such parameter or lacks one; says what there is.

    Examples
    --------
    >>> make_encoder("hashing", dimensions=512, device="cpu").name
    'hashing-512-262144'
    >>> make_encoder("transformer")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: The encoder 'transformer': missing a required argument: 'model'. It takes 'model', ...
    """
    return ENCODERS.make(name, parameters)
