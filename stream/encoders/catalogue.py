"""Encoders by name, for the command line and configuration."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from typing import Any, cast

from stream.encoders.base import Encoder

ENCODERS = {
    "dense": ("stream.encoders.dense", "Dense"),
    "hashing": ("stream.encoders.hashing", "Hashing"),
    "transformer": ("stream.encoders.transformer", "Transformer"),
}
"""Where each encoder lives; it is imported when it is asked for, as some need an extra."""


def make(name: str, **parameters: Any) -> Encoder:
    """Return a new encoder by its name.

    Raises
    ------
    ValueError
        When there is no such encoder, or it has no such parameter; says what there is.

    Examples
    --------
    >>> make("bag-of-words")
    Traceback (most recent call last):
    ...
    ValueError: There is no encoder named 'bag-of-words'. Choose among 'dense', 'hashing', 'transformer'.
    """
    if name not in ENCODERS:
        raise ValueError(f"There is no encoder named {name!r}. Choose among {_listed(ENCODERS)}.")
    module, attribute = ENCODERS[name]
    kind = getattr(importlib.import_module(module), attribute)
    allowed = inspect.signature(kind).parameters
    for parameter in parameters:
        if parameter not in allowed:
            raise ValueError(
                f"The encoder {name!r} has no parameter {parameter!r}. It takes {_listed(allowed)}."
            )
    return cast(Encoder, kind(**parameters))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
