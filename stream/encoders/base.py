"""The interface of encoders, and the base class of text encoders."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drift.core import Stateful
from stream.records import BadEventError, Event


class Encoder(Protocol):
    """Turns events into float32 vectors, a batch at a time.

    A row depends on its own event and on the events before it, never on the batch it came in: encoding
    one by one and all at once give the same bits.

    Attributes
    ----------
    name
        Identifies how vectors are made, for the prediction record: equal names mean equal vectors.
    """

    @property
    def name(self) -> str:
        """Identifies how vectors are made, settings included."""
        ...

    def check(self, event: Event) -> None:
        """Raise BadEventError when the event lacks what this encoder reads."""
        ...

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Return one vector per event; each has passed `check`. If it raises, it has learned nothing."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what was learned of the input, as arrays and plain JSON values."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        ...


class TextEncoder(Stateful, abc.ABC):
    """Base class of encoders that read an event's text and learn nothing from it: their state is empty."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Identifies how vectors are made, settings included."""

    @abc.abstractmethod
    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""

    def check(self, event: Event) -> None:
        """Raise BadEventError when the event has no text."""
        if event.text is None:
            raise BadEventError("encoder", f"text is missing; the encoder {self.name} reads it")

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Return one vector per event."""
        return list(self.vectors([event.text or "" for event in events]))
