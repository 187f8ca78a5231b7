"""A learner or an encoder, as settings and the command line name it."""

from __future__ import annotations

import ast
import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class Section(BaseModel):
    """Base of the sections: frozen; unknown keys are refused, and so are infinity and booleans as numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: Any, info: ValidationInfo) -> Any:
        # Python counts True as 1: `keep = true` would keep one snapshot.
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float, int | None):
            raise ValueError("a number is needed")
        return value


class Component(Section):
    """An object that is created by its name in a catalogue and its constructor's parameters.

    Examples
    --------
    >>> component = Component.parse('ihomer(rule="macro_f1")')
    >>> component.name, component.parameters
    ('ihomer', {'rule': 'macro_f1'})
    >>> str(component)
    "ihomer(rule='macro_f1')"
    """

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `name` or `name(parameter=value, ...)`; nothing is executed.

        Raises
        ------
        ValueError
            When the syntax is different, or a value is no literal; the message shows the syntax.
        """
        found = re.fullmatch(r"\s*([\w.-]+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
        if found is None:
            raise ValueError(f"{text!r} is not written as NAME or NAME(parameter=value, ...). Correct it.")
        name, inside = found[1], found[2] or ""
        try:
            call = ast.parse(f"_({inside})", mode="eval").body
        except SyntaxError as error:
            raise ValueError(
                f"The parameters of {name!r} cannot be read: {inside!r}, {error.msg}. Write them as "
                f'{name}(parameter=1.5, other="text").'
            ) from None
        match call:
            case ast.Call(func=ast.Name(), args=[], keywords=keywords) if all(each.arg for each in keywords):
                return cls(name=name, parameters={str(each.arg): _value(name, each) for each in keywords})
        raise ValueError(
            f"The parameters of {name!r} are {inside!r}. Name each of them: {name}(parameter=value, ...)."
        )

    def __str__(self) -> str:
        """Return the text that `parse` accepts."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.name}({given})" if given else self.name


def _value(name: str, keyword: ast.keyword) -> Any:
    try:
        return ast.literal_eval(keyword.value)
    except (TypeError, ValueError):
        got = ast.unparse(keyword.value)
        raise ValueError(
            f"The {keyword.arg!r} parameter of {name!r} must be a number, a quoted text, True, False, None, "
            f'or a list of these. Got {got} instead. Quote a text: {keyword.arg}="{got}".'
        ) from None
