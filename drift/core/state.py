"""State that can be saved: nested dictionaries of arrays and plain JSON values, never pickled objects.

A class declares once which of its attributes are state, and `Stateful` saves and loads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

State = dict[str, Any]
"""Nested dictionaries of arrays and plain JSON values; never pickled objects."""


class Values:
    """Attributes that are saved in one way, here as plain JSON values: numbers, strings, lists, dictionaries.

    Lists and dictionaries are copied on saving and on loading; a subclass of `dict`, such as `Counter`,
    keeps its type. The other kinds of fields derive from this one.

    Parameters
    ----------
    *names
        Names of the attributes. Each is saved under its own name, without an underscore at its beginning.
    key
        Name to save the attribute under, where there is only one attribute; empty (the default) for its own.
    """

    def __init__(self, *names: str, key: str = "") -> None:
        self.keys = {name: key or name.lstrip("_") for name in names}

    def save(self, owner: object) -> State:
        """Return the attributes' state by key."""
        return {key: self.saved(getattr(owner, name)) for name, key in self.keys.items()}

    def load(self, owner: object, state: State) -> None:
        """Set the attributes to the values that `save` of an equal object returned."""
        for name, key in self.keys.items():
            setattr(owner, name, self.loaded(getattr(owner, name), state[key]))

    def saved(self, value: Any) -> Any:
        """Return the saved form of an attribute's value."""
        return _copied(value)

    def loaded(self, present: Any, saved: Any) -> Any:
        """Return an attribute's new value, given its present value and its saved form."""
        copied = _copied(saved)
        return type(present)(copied) if isinstance(present, dict) else copied


class Arrays(Values):
    """Attributes that are arrays: saved as live views, loaded as copies with the present dtype.

    Parameters
    ----------
    *names, key
        As in `Values`.
    cut
        Attribute with the used length of arrays that grow; only that much is saved, and loading sets it.
        None (the default) saves whole arrays.
    axis
        The axis along which they grow.
    """

    def __init__(self, *names: str, key: str = "", cut: str | None = None, axis: int = 0) -> None:
        super().__init__(*names, key=key)
        self.cut = cut
        self.axis = axis

    def save(self, owner: object) -> State:
        """See `Values.save`."""
        whole = super().save(owner)
        if self.cut is None:
            return whole
        used = (*[slice(None)] * self.axis, slice(getattr(owner, self.cut)))
        return {key: array[used] for key, array in whole.items()}

    def load(self, owner: object, state: State) -> None:
        """See `Values.load`."""
        super().load(owner, state)
        if self.cut is not None:
            setattr(owner, self.cut, np.shape(state[next(iter(self.keys.values()))])[self.axis])

    def saved(self, value: Any) -> Any:
        """See `Values.saved`."""
        return value

    def loaded(self, present: Any, saved: Any) -> Any:
        """See `Values.loaded`."""
        array = np.array(saved, dtype=present.dtype)
        # An empty matrix that went through JSON has lost its number of columns.
        return array.reshape(0, *present.shape[1:]) if not array.size and array.ndim < present.ndim else array


class Lists(Values):
    """Attributes that are lists or deques of numbers, saved as arrays.

    Parameters
    ----------
    *names, key
        As in `Values`.
    dtype
        Type of the numbers.
    columns
        Length of each tuple in a list of tuples; 0 (the default) for a list of numbers.
    """

    def __init__(self, *names: str, dtype: DTypeLike, columns: int = 0, key: str = "") -> None:
        super().__init__(*names, key=key)
        self.dtype = dtype
        self.columns = columns

    def saved(self, value: Any) -> Any:
        """See `Values.saved`."""
        array = np.array(value, dtype=self.dtype)
        return array.reshape(-1, self.columns) if self.columns else array

    def loaded(self, present: Any, saved: Any) -> Any:
        """See `Values.loaded`."""
        entries = np.asarray(saved, dtype=self.dtype).tolist()
        present.clear()
        present.extend(map(tuple, entries) if self.columns else entries)
        return present


class Parts(Values):
    """Attributes with `state` and `load_state` of their own, or dictionaries of such objects by name.

    A part that is None is saved as None, and stays None when a state is loaded.
    """

    def saved(self, value: Any) -> Any:
        """See `Values.saved`."""
        if isinstance(value, dict):
            return {name: self.saved(part) for name, part in value.items()}
        return None if value is None else self.state_of(value)

    def loaded(self, present: Any, saved: Any) -> Any:
        """See `Values.loaded`."""
        if isinstance(present, dict):
            return {name: self.loaded(part, saved[name]) for name, part in present.items()}
        if present is not None:
            present.load_state(saved)
        return present

    def state_of(self, part: Any) -> Any:
        """Return a part's state."""
        return part.state()


class Inlined(Parts):
    """Parts whose fields are saved among those of their owner, without a key for the part."""

    def save(self, owner: object) -> State:
        """See `Values.save`."""
        return {key: value for state in super().save(owner).values() for key, value in state.items()}

    def load(self, owner: object, state: State) -> None:
        """See `Values.load`."""
        super().load(owner, dict.fromkeys(self.keys.values(), state))


def fields(*declared: Values) -> tuple[Values, ...]:
    """Return what a class declares as its `Stateful.state_fields`."""
    return declared


class Stateful:
    """An object whose state can be saved and loaded: a class lists its fields, and the rest follows.

    Each class lists only the fields that it adds to those of its bases. Where a field needs code, or where
    values must be recomputed after loading, the class extends `state` and `load_state`.

    Attributes
    ----------
    state_fields
        The attributes that are state, by kind; loaded in this order.

    Examples
    --------
    >>> import numpy as np
    >>> class Mean(Stateful):
    ...     state_fields = fields(Values("_count"), Arrays("_sums"))
    ...
    ...     def __init__(self) -> None:
    ...         self._count = 0
    ...         self._sums = np.zeros(2)
    ...
    ...     def update(self, x) -> None:
    ...         self._count += 1
    ...         self._sums += x
    >>> mean, other = Mean(), Mean()
    >>> mean.update([1.0, 3.0])
    >>> mean.state()
    {'count': 1, 'sums': array([1., 3.])}
    >>> other.load_state(mean.state())
    >>> other.update([1.0, 1.0])
    >>> other.state(), mean.state()["sums"].tolist()
    ({'count': 2, 'sums': array([2., 4.])}, [1.0, 3.0])
    """

    state_fields: ClassVar[tuple[Values, ...]] = ()

    def state(self) -> State:
        """Return the whole state as nested dictionaries of arrays and plain JSON values.

        Arrays may be live views: copy before the object changes.
        """
        state: State = {}
        for field in self._all_fields():
            state |= field.save(self)
        return state

    def load_state(self, state: State) -> None:
        """Load a state that an object with equal parameters returned; both then behave equally."""
        for field in self._all_fields():
            field.load(self, state)

    def _all_fields(self) -> Iterator[Values]:
        for each in reversed(type(self).__mro__):
            yield from vars(each).get("state_fields", ())


def digest(state: State) -> str:
    """Return the SHA-256 of nested dictionaries of arrays and JSON values, in a canonical order.

    Examples
    --------
    >>> import numpy as np
    >>> digest({"a": 1, "b": np.zeros(2)}) == digest({"b": np.zeros(2), "a": 1})
    True
    """
    running = hashlib.sha256()
    _feed(running, state)
    return running.hexdigest()


def _feed(running: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        running.update(f"{value.dtype.str}{value.shape}".encode())
        running.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        running.update(b"{")
        for key in sorted(value):
            running.update(json.dumps(key).encode() + b":")
            _feed(running, value[key])
        running.update(b"}")
    else:
        running.update(json.dumps(value, sort_keys=True).encode())


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
