"""Files of states: what was written comes back, and what differs in any byte is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import digest, state_file
from drift.core.state_file import StateFormat, arrays_in, holds_pickle


class NotesError(ValueError):
    """A note was refused."""


def check(version: int, name: str) -> None:
    """Read version 1 alone."""
    if version != 1:
        raise NotesError(f"{name} has version {version}.")


NOTES = StateFormat(b"\x89NOTES\r\n", "note", check, NotesError, "Write it anew.")
STATE: dict[str, Any] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "b": {"c": np.zeros((0, 4), dtype=np.int64), "d": [1, "x", None], "e": {}},
    "f": np.array(7, dtype=np.int8),
}
CONTENT = b"".join(NOTES.dump(1, {"by": "me"}, STATE))


def refused(content: bytes) -> str:
    """Return why a file is refused, without the advice."""
    with pytest.raises(NotesError) as caught:
        NOTES.parse(content, "it")
    return str(caught.value).removesuffix(" Write it anew.")


def test_what_is_written_comes_back() -> None:
    """With types, shapes and plain values; what is loaded can be changed."""
    version, header, state = NOTES.parse(CONTENT, "it")
    assert (version, header) == (1, {"by": "me"})
    assert digest(state) == digest(STATE)
    assert [path for path, _ in arrays_in(state)] == [("a",), ("b", "c"), ("f",)]
    state["a"][0, 0] = 3.0


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_a_byte_that_differs_is_refused(place: int, by: int) -> None:
    """Wherever it is."""
    content = bytearray(CONTENT)
    content[place] ^= by
    refused(bytes(content))


@given(st.integers(0, len(CONTENT) - 1))
def test_a_part_is_refused(length: int) -> None:
    """As truncated."""
    assert "truncated" in refused(CONTENT[:length])


def test_what_is_refused_is_said() -> None:
    """Each fault in its own words."""
    assert refused(b"PK" + CONTENT) == "it is no note: it does not begin as one."
    assert refused(b"".join(NOTES.dump(2, {}, STATE))) == "it has version 2."
    assert refused(CONTENT + b"12") == "it is damaged: 2 bytes follow its end."
    assert refused(CONTENT[:-1] + b"\x08") == "it is damaged: f is not what was written."
    assert refused(CONTENT[:60] + b"!" + CONTENT[61:]) == "it is damaged: its header is not what was written."
    assert refused(CONTENT[:9]) == "it is truncated: 9 bytes are less than any note has."


def test_parts_of_another_state_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is as it was written, and yet they are not the state whose digest was."""
    monkeypatch.setattr(state_file, "digest", lambda state: digest({**state, "g": 0}))
    content = b"".join(NOTES.dump(1, {}, STATE))
    monkeypatch.undo()
    assert refused(content) == "it is damaged: its parts do not add up to the state that was written."


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({1: 2}, "the key 1; only strings"),
        ({"a": {"b": np.array([None])}}, "a/b is an array of objects"),
    ],
)
def test_what_would_not_come_back_is_not_written(state: dict[Any, Any], why: str) -> None:
    """Keys that JSON turns into text, and arrays that would need pickles."""
    with pytest.raises(TypeError, match=why):
        list(NOTES.dump(1, {}, state))


def test_a_pickle_is_seen_wherever_it_is() -> None:
    """By its key, if an array is under it."""
    assert holds_pickle({"a": {"pickle": np.zeros(1)}})
    assert not holds_pickle({"a": {"pickled": np.zeros(1), "pickle": 3}})
