"""Encoders by name, for the command line and configuration; and the one that takes another one's place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.core import Registry, State
from stream.encoders.alignment import Alignment, AlignmentError
from stream.encoders.base import Encoder
from stream.encoders.dense import Dense
from stream.records import Event


class Aligned:
    """A new encoder in place of a former one, without the model beginning anew.

    Its vectors are mapped linearly to where the former encoder's would lie. So a model that has learned from
    the former's goes on, and its snapshots stay of use. What the former could not tell apart, the map does
    not add: a model that learns anew from the new encoder may be better later. `ithaca align` fits the map
    on a stream's own events, and shows the scores of either way.

    Where the former's vectors have a sparse part and the new ones none, the former encoder goes on to give
    it, so that both run.

    Parameters
    ----------
    alignment
        Path of the file that `ithaca align` wrote; it names both encoders.
    former
        The encoder that the model's snapshots were made with: a dictionary with its `name` and, if it has
        any, its `parameters`. The snapshots are found by it.

    Raises
    ------
    AlignmentError
        When the file cannot be used, or is for another former encoder.

    Examples
    --------
    >>> from stream.encoders.alignment import align
    >>> hashing = {"name": "hashing", "parameters": {"dimensions": 64, "device": "cpu"}}
    >>> texts = [f"{word} {number}" for number in range(30) for word in ("wheat", "oil")]
    >>> events = [Event(id=text, ts=0, text=text) for text in texts]
    >>> old = make_encoder(hashing["name"], **hashing["parameters"]).encode(events)
    >>> new = [-x for x in old]
    >>> alignment = align(hashing, hashing, new, old)
    >>> alignment.matrix.shape, alignment.cosine > 0.9
    ((64, 64), True)
    """

    def __init__(self, alignment: str, former: dict[str, Any]) -> None:
        if not isinstance(former, dict):
            raise AlignmentError(
                f"The former encoder is {former!r}. Write a dictionary, as `ithaca align` printed it: "
                '{"name": "hashing", "parameters": {}}.'
            )
        self.alignment = alignment
        self.former = former
        read = Alignment.load(Path(alignment))
        if {"parameters": {}, **former} != read.former:
            raise AlignmentError(
                f"{alignment} is for the former encoder {read.former}. Got {former} instead. Name the former "
                "encoder as it is in the file, or fit another map with `ithaca align`."
            )
        self._read = read
        self._encoder = make_encoder(read.encoder["name"], **read.encoder["parameters"])
        self._words = make_encoder(read.former["name"], **read.former["parameters"]) if read.words else None
        digest = hashlib.blake2b(read.matrix.tobytes(), digest_size=4).hexdigest()
        self._name = f"{self._encoder.name}-aligned-{digest}"

    @property
    def name(self) -> str:
        """Identifies how vectors are made: the new encoder, and the map."""
        return self._name

    def check(self, event: Event) -> None:
        """See `Encoder.check`."""
        self._encoder.check(event)

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """See `Encoder.encode`."""
        vectors = self._encoder.encode(events)
        if not vectors:
            return []
        former = self._words.encode(events) if self._words else []
        return self._read.attached(self._read.map(vectors), vectors, former)

    def state(self) -> State:
        """Return nothing: only encoders that learn nothing are aligned."""
        return {}

    def load_state(self, state: State) -> None:
        """Take over nothing."""


ENCODERS = Registry[Encoder](
    "encoder",
    {
        "aligned": Aligned,
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
