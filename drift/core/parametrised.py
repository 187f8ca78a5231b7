"""Parameters in a state: it can only be taken over by an object that was made as the one that saved it."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from drift.core.state import State, Stateful

MADE = "parameters"
"""Key of a state under which class and parameters are; states of version 0.2.0 have none."""
_LEFT_OUT = object()


class Parametrised(Stateful):
    """A stateful object whose state names class and parameters; it refuses the state of another.

    The constructor stores each parameter in an attribute of its name. Those that are no plain JSON values,
    such as river's models, are not named. States that name no parameters, as of version 0.2.0, are loaded as
    they are: give them to an object with the same ones.

    Attributes
    ----------
    free
        Parameters that nothing in a state depends on: they may be others.

    Examples
    --------
    >>> from drift.detectors import ADWIN
    >>> adwin = ADWIN(clock=8)
    >>> adwin.state()["parameters"]
    {'class': 'ADWIN', 'delta': 0.002, 'clock': 8, 'max_buckets': 5, 'min_length': 5}
    >>> ADWIN().load_state(adwin.state())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: The state is of ADWIN with clock=8, and this one has clock=32. Make it as the one that ...
    """

    free: ClassVar[tuple[str, ...]] = ()

    def state(self) -> State:
        """Return class, parameters, and everything learned; see `Stateful.state`."""
        return {MADE: self._made()} | super().state()

    def load_state(self, state: State) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ValueError
            When it is the state of another class, or of other parameters; nothing has changed then.
        """
        self._check_state(state)
        super().load_state(state)

    def _made(self) -> State:
        """Return class and parameters as plain JSON values, but for those that are free."""
        names = [name for name in inspect.signature(type(self)).parameters if hasattr(self, name)]
        named = {name: _plain(getattr(self, name)) for name in names if name not in self.free}
        kept = {name: value for name, value in named.items() if value is not _LEFT_OUT}
        return {"class": type(self).__name__, **kept}

    def _check_state(self, state: State) -> None:
        """Check that a state can be taken over, before any of it is.

        A parameter that only one of the two knows, as of another version, makes no difference.
        """
        if not isinstance(state, dict):
            raise ValueError(f"A state is the dictionary that `state` returned. Got {type(state).__name__}.")
        ours, saved = self._made(), state.get(MADE, {})
        other = [name for name in ours if name in saved and saved[name] != ours[name]]
        if not other:
            return
        if other[0] == "class":
            what = f"The state is of {saved['class']}, and this is {ours['class']}."
        else:
            theirs, present = (_listed({name: each[name] for name in other}) for each in (saved, ours))
            what = f"The state is of {ours['class']} with {theirs}, and this one has {present}."
        raise ValueError(f"{what} Make it as the one that returned the state; nothing was taken over.")


def _plain(value: Any) -> Any:
    """Return a parameter's value in plain JSON values; `_LEFT_OUT` where there are none for it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        found = [_plain(each) for each in value]
        return _LEFT_OUT if any(each is _LEFT_OUT for each in found) else found
    if isinstance(value, dict):
        found = _plain(list(value.values()))
        return _LEFT_OUT if found is _LEFT_OUT else dict(zip(value, found, strict=True))
    return value._made() if isinstance(value, Parametrised) else _LEFT_OUT


def _listed(values: State) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if not isinstance(value, dict) or "class" not in value:
        return repr(value)
    return f"{value['class']}({_listed({name: each for name, each in value.items() if name != 'class'})})"
