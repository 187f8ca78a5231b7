"""A learner in one file: its class, its parameters and its state. Nothing in it is executed.

The exception is river's models, which can only be pickled; see `learners.wrappers.RiverLearner`.
"""

from __future__ import annotations

import inspect
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

from drift.core import PICKLE, State, StateFormat, holds_pickle
from learners.core.base import Learner

VERSION = 1
"""Version of the file format that is written."""


def save(learner: Learner, path: str | os.PathLike[str], *, allow_pickle: bool = False) -> None:
    """Write a learner to a file, from which `load` restores an equal one.

    Parameters
    ----------
    learner
        The learner to write: its class, its parameters and everything it has learned.
    path
        Path of the file; an existing file is replaced once the new one is complete.
    allow_pickle
        Whether the file may hold pickles; False (the default) refuses to write river's models.

    Raises
    ------
    PermissionError
        When the learner is made of river's models, and pickles are not allowed.
    TypeError
        When `load` could not find the learner's class, because it is not at the top level of a module.

    Examples
    --------
    >>> import tempfile
    >>> from learners import load, make, save
    >>> learner = make("priors", half_life=500)
    >>> learner.learn_one({"wet": 1}, {"rain": True, "snow": False})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(learner, f"{folder}/rain")
    ...     load(f"{folder}/rain").digest() == learner.digest()
    True
    """
    tree = _tree(learner) | {"state": learner.state()}
    if holds_pickle(tree) and not allow_pickle:
        raise PermissionError(
            f"{type(learner).__name__} is made of river models, which can only be pickled, and loading a "
            "pickle runs code. Call save with allow_pickle=True if whoever loads the file can trust it."
        )
    _FORMAT.write(Path(path), VERSION, {}, tree)


def load(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> Learner:
    """Return the learner that a file holds; it behaves as the one that was saved.

    Parameters
    ----------
    path
        A file that `save` wrote.
    allow_pickle
        Whether to load pickles, which runs code that the file holds: allow it only for files that you trust
        as you trust your own programs. False (the default) refuses them.

    Raises
    ------
    ValueError
        When the file is of another kind, truncated or damaged, or its class is not known here.
    PermissionError
        When it holds pickles, and they are not allowed.
    """
    name = os.fspath(path)
    _, _, tree = _FORMAT.parse(Path(path).read_bytes(), name)
    if holds_pickle(tree) and not allow_pickle:
        raise PermissionError(
            f"{name} holds pickled river models, and loading a pickle runs code. "
            "Call load with allow_pickle=True if you trust where the file comes from."
        )
    learner = _made(tree, name)
    learner.load_state(tree["state"])
    _restrict(learner, tree)
    return learner


def _check(version: int, name: str) -> None:
    if version > VERSION:
        raise ValueError(
            f"{name} has format {version}, but this version of Ithaca reads formats up to {VERSION}. "
            "Load it with the version that wrote it, or a later one."
        )


_FORMAT = StateFormat(
    b"\x89LEARN\r\n",
    "learner's file",
    _check,
    ValueError,
    "Give a file that learners.save wrote, as it wrote it.",
)


def _tree(learner: Learner) -> State:
    """Return a learner's class and parameters."""
    kind = type(learner)
    name = kind.__name__ if _found(kind.__name__) is kind else f"{kind.__module__}:{kind.__qualname__}"
    if _found(name) is not kind:
        raise TypeError(
            f"{name} cannot be found by its name when it is loaded. Define it at the top level of a module."
        )
    parameters = {each: getattr(learner, each) for each in inspect.signature(kind).parameters}
    return {"class": name, "parameters": {each: _packed(value) for each, value in parameters.items()}}


def _packed(value: object) -> Any:
    if isinstance(value, Learner):
        return _tree(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {PICKLE: np.frombuffer(pickle.dumps(value), dtype=np.uint8)}


def _made(tree: State, name: str) -> Learner:
    """Return a new learner of a class and parameters."""
    kind = _found(tree["class"])
    if kind is None:
        raise ValueError(
            f"{name} holds a learner of the class {tree['class']}, which is not known here. "
            "Import the module that defines it first."
        )
    made = {each: _unpacked(value, name) for each, value in tree["parameters"].items()}
    # The permission to load pickles has been checked.
    return kind(**made | ({"allow_pickle": True} if "allow_pickle" in made else {}))


def _unpacked(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    return pickle.loads(value[PICKLE].tobytes()) if PICKLE in value else _made(value, name)


def _restrict(learner: Learner, tree: State) -> None:
    """Let a loaded learner allow pickles only if it did when it was saved."""
    for each, value in tree["parameters"].items():
        if each == "allow_pickle":
            setattr(learner, each, value)
        elif isinstance(value, dict) and PICKLE not in value:
            _restrict(getattr(learner, each), value)


def _found(name: str) -> type[Learner] | None:
    """Return the class of a name that `learners` exports, or of "module:name" if the module is imported."""
    module, _, attribute = name.rpartition(":")
    # A file never causes another module to be imported.
    found = getattr(sys.modules.get(module or "learners"), attribute, None)
    return found if isinstance(found, type) and issubclass(found, Learner) else None
