"""One bad event, or too large a batch, costs nobody else their vector."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drift.core import digest
from stream.encoders.batching import ATTEMPTS, encode_each
from stream.encoders.errors import EncoderError
from stream.records.schema import BadEventError, Event
from tests.stream.standins import Letters, event, make_task, records


class Small(Letters):
    """An encoder on a device whose memory takes so many letters at a time."""

    def __init__(self, memory: int) -> None:
        super().__init__()
        self.memory = memory
        self.calls = 0

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Encode, or run out of memory."""
        self.calls += 1
        if sum(len(event.text or "") for event in events) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().encode(events)


TEXTS = st.lists(st.sampled_from(["wheat", "corn oil", "boom", "a" * 30]), max_size=40)


@given(TEXTS, st.integers(8, 60))
def test_each_event_has_its_own_vector_or_its_own_reason(texts: list[str], memory: int) -> None:
    """As if each had come alone, whatever fails and however often."""
    events = [Event(id=str(number), ts=0, text=text) for number, text in enumerate(texts)]
    encoded = encode_each(Small(memory), events)
    plain = Letters()
    for text, event_, x in zip(texts, events, encoded, strict=True):
        if text == "boom" or len(text) > memory:
            assert isinstance(x, BadEventError)
            assert x.reason == "encoder"
            assert ("RuntimeError: boom" if text == "boom" else "OutOfMemoryError") in x.detail
        else:
            assert not isinstance(x, BadEventError)
            assert x.tolist() == plain.encode([event_])[0].tolist()


def test_a_batch_that_does_not_fit_into_memory_changes_nothing() -> None:
    """The same bytes, the same state, in halves."""
    given = records([event(number) for number in range(200)])
    small, large = make_task(), make_task()
    small.encoder = Small(memory=400)
    assert small.process(given).outputs == large.process(given).outputs
    assert digest(small.state()) == digest(large.state())


def test_one_bad_event_among_many_is_found_quickly() -> None:
    """By halves: not every event is encoded alone."""
    encoder = Small(10_000)
    events = [Event(id=str(n), ts=0, text="boom" if n == 77 else "up") for n in range(256)]
    assert sum(isinstance(x, BadEventError) for x in encode_each(encoder, events)) == 1
    assert encoder.calls <= 2 * 8 + ATTEMPTS


@pytest.mark.parametrize(("failures", "good"), [(ATTEMPTS - 1, True), (ATTEMPTS, False)])
def test_an_event_that_fails_now_and_then_is_tried_again(failures: int, good: bool) -> None:
    """Up to a ceiling."""
    moods = iter(range(failures))

    class Moody(Letters):
        def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
            if next(moods, None) is not None:
                raise ValueError("not now")
            return super().encode(events)

    (x,) = encode_each(Moody(), [Event(id="1", ts=0, text="up")])
    assert isinstance(x, BadEventError) != good


@pytest.mark.parametrize("trouble", [ConnectionError("gone"), TimeoutError("slow")])
def test_the_worlds_trouble_is_no_events_fault(trouble: Exception) -> None:
    """Nothing is refused; the task has taken in nothing."""

    class Remote(Letters):
        def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
            raise trouble

    task = make_task()
    task.encoder = Remote()
    before = json.dumps(task.state(), default=repr)
    with pytest.raises(EncoderError, match=f"letters cannot encode: {type(trouble).__name__}"):
        task.process(records([event(0)]))
    assert json.dumps(task.state(), default=repr) == before


def test_an_event_that_memory_does_not_suffice_for_is_refused_alone() -> None:
    """It would ask for as much at each start; the others of its batch have their vectors."""

    class Greedy(Letters):
        def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
            if any(event.text == "huge" for event in events):
                raise MemoryError
            return super().encode(events)

    texts = ["up", "huge", "down"]
    x = encode_each(Greedy(), [Event(id="1", ts=0, text=text) for text in texts])
    assert [isinstance(one, BadEventError) for one in x] == [False, True, False]
