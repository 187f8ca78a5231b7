"""Parameters in a state: it can only be taken over by a learner that was made as the one that saved it."""

from __future__ import annotations

import inspect
from typing import Any

from drift.core import State

FREE = ("max_labels", "device", "allow_pickle")
"""Parameters that nothing in a state depends on; of `max_labels` it holds no more than the labels."""
MADE = "parameters"
"""Key of a state under which class and parameters are; states of version 0.2.0 have none."""
_LEFT_OUT = object()


def parameters(learner: object) -> State:
    """Return a learner's class and parameters as plain JSON values.

    Those that a state does not depend on are left out, and those that are no plain values, such as river's
    models, which a state holds whole.

    Examples
    --------
    >>> from learners import make
    >>> parameters(make("knn", k=3))
    {'class': 'NearestNeighbours', 'k': 3, 'window': 1000, 'enough': 0}
    """
    named = {name: _plain(getattr(learner, name)) for name in _names(learner) if name not in FREE}
    kept = {name: value for name, value in named.items() if value is not _LEFT_OUT}
    return {"class": type(learner).__name__, **kept}


def check_state(learner: Any, state: State) -> None:
    """Check that a learner can take over a whole state, before it takes over any of it.

    A parameter that only one of the two knows, as of another version, makes no difference.

    Raises
    ------
    ValueError
        When the state is one of another class or other parameters, lacks a part, or holds too many labels.

    Examples
    --------
    >>> from learners import make
    >>> check_state(make("knn"), make("knn", k=3).state())
    Traceback (most recent call last):
    ...
    ValueError: The state is of NearestNeighbours with k=3, and this one has k=10. Make the learner as ...
    """
    name = type(learner).__name__
    _check_made(parameters(learner), state.get(MADE, {}))
    missing = sorted(learner.clone().state().keys() - state.keys() - {MADE})
    if missing:
        raise ValueError(
            f"The state has no {missing[0]!r}, which that of {name} has. Load one that a "
            "learner with the same parameters returned."
        )
    held, limit = len(state["labels"]["names"]), learner.label_space.limit
    if limit is not None and held > limit:
        raise ValueError(
            f"The state holds {held:,} labels, and max_labels of this {name} is {limit:,}. "
            f"Make it with max_labels={held} or more."
        )


def _check_made(ours: State, saved: State) -> None:
    other = [name for name in ours if name in saved and saved[name] != ours[name]]
    if not other:
        return
    if other[0] == "class":
        what = f"The state is of {saved['class']}, and this is {ours['class']}."
    else:
        theirs, present = (_listed({name: each[name] for name in other}) for each in (saved, ours))
        what = f"The state is of {ours['class']} with {theirs}, and this one has {present}."
    raise ValueError(f"{what} Make the learner as the one that returned the state; nothing was taken over.")


def _names(learner: object) -> list[str]:
    """Return the names of the constructor's parameters that are attributes too."""
    return [name for name in inspect.signature(type(learner)).parameters if hasattr(learner, name)]


def _plain(value: Any) -> Any:
    """Return a parameter's value in plain JSON values; `_LEFT_OUT` where there are none for it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        found = [_plain(each) for each in value]
        return _LEFT_OUT if any(each is _LEFT_OUT for each in found) else found
    # Another learner: it is one of ours where it names its own.
    return parameters(value) if hasattr(value, "state_without_labels") else _LEFT_OUT


def _listed(values: State) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    return f"{value['class']}({_listed({name: each for name, each in value.items() if name != 'class'})})"
