"""A learner or an encoder as a person writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config.components import Component

LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(parameters=st.dictionaries(st.from_regex(r"_?[a-z]{2}[a-z_0-9]{0,8}x", fullmatch=True), LITERALS))
def test_what_is_written_is_read_back(parameters: dict[str, Any]) -> None:
    """Whatever the parameters are."""
    component = Component(name="br-lr", parameters=parameters)
    assert Component.parse(str(component)) == component


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("ihomer", "ihomer", {}),
        ("ihomer()", "ihomer", {}),
        (" br-hat( seed = 2,\n allow_pickle=True, ) ", "br-hat", {"seed": 2, "allow_pickle": True}),
        ("knn(k=-1)", "knn", {"k": -1}),
        ('x(s="a, b)=(")', "x", {"s": "a, b)=("}),
    ],
)
def test_spellings(text: str, name: str, parameters: dict[str, Any]) -> None:
    """White space, trailing commas and brackets in texts do not matter."""
    component = Component.parse(text)
    assert (component.name, component.parameters) == (name, parameters)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not written as NAME or NAME"),
        ("ihomer(rule=", "is not written as"),
        ("two words", "is not written as"),
        ("knn(5)", r"Name each of them: knn\(parameter=value"),
        ("knn(**{'k': 5})", "Name each of them"),
        ("knn(k=)", r"The parameters of 'knn' cannot be read: 'k='"),
        ("knn(k=1)(k=2)", "Name each of them|cannot be read"),
        (
            "ihomer(rule=macro_f1)",
            r"The 'rule' parameter of 'ihomer' must be .*Got macro_f1 .*rule=\"macro_f1\"",
        ),
        ("knn(k=__import__('os').getpid())", "Got __import__"),
        ("knn(k={[]: 1})", "must be a number"),
    ],
)
def test_anything_else_is_refused(text: str, sentence: str) -> None:
    """Nothing is executed; the error shows how it is written."""
    with pytest.raises(ValueError, match=sentence):
        Component.parse(text)
