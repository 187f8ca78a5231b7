"""Messages as learners are given them: what is of another form is converted, and what has no meaning refused.

Compiled code reads and writes where ids say, so an id of no label must never get there.
"""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from drift.core import Ids, Vector, check_number, compiled
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.core.sparse import Features, given_part

Method = Callable[..., Any]
NONE: Mapping[Any, bool] = {}


def vector(x: Any) -> Vector:
    """Return the vector of a message in single precision; the same object where it is already.

    Raises
    ------
    ValueError
        When it is not one row of numbers.

    Examples
    --------
    >>> vector([1, None, 2.5])
    array([1. , nan, 2.5], dtype=float32)
    >>> vector([[1.0]])
    Traceback (most recent call last):
    ...
    ValueError: A message's vector has one dimension. Got shape (1, 1); learn and predict message by message.
    """
    if isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim == 1:
        return x
    array = np.asarray(x)
    if array.ndim != 1:
        raise ValueError(
            f"A message's vector has one dimension. Got shape {array.shape}; "
            "learn and predict message by message."
        )
    try:
        if array.dtype.kind not in "biufO":
            raise TypeError
        # Numbers beyond single precision become infinite: learners bound them.
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"A message's vector holds numbers, and NaN where one is missing. Got {array.dtype}; "
            "give names and texts to learn_one and predict_one, in a dictionary."
        ) from error
    part = given_part(x)
    return single if part is None else Features(single, part)


def targets(given: Any, labels: int) -> Targets:
    """Return the targets of a message; the same object where they are as `Targets` says.

    Ids in another order, or several times, are put in order. One that is also positive is no negative.

    Parameters
    ----------
    given
        The targets.
    labels
        How many labels are known.

    Raises
    ------
    TypeError
        When they are no `Targets`.
    ValueError
        When an id is no label's.

    Examples
    --------
    >>> targets(Targets(np.array([2, 0, 2]), np.array([1, 0])), 3)
    Targets(positive=array([0, 2]), negative=array([1]))
    >>> targets(Targets(np.array([3])), 3)
    Traceback (most recent call last):
    ...
    ValueError: The id 3 is of no label: there are 3. Get the targets from learner.label_space.targets(names).
    """
    if not isinstance(given, Targets):
        raise TypeError(
            f"The targets of a message are Targets. Got {type(given).__name__}; "
            "get them from learner.label_space.targets(names)."
        )
    positive, negative = given
    if (
        _is_ids(positive)
        and (negative is None or _is_ids(negative))
        and _in_order(positive, negative, labels)
    ):
        return given
    positive = _ordered(positive, labels)
    return Targets(positive, None if negative is None else np.setdiff1d(_ordered(negative, labels), positive))


_in_place = targets
"""What checks targets, where a parameter has its name: callers may name it."""


_NUMBERS = int | float | np.integer | np.floating


def check_dictionaries(features: object, labels: object = NONE) -> None:
    """Raise TypeError unless features by name, and labels where there are any, are mappings.

    A label's value is True or False, or 1 or 0: what else counts as true, such as "0" or NaN, may not be
    meant so.
    """
    for given, what in (
        (features, "Features are a dictionary, names with their values"),
        (labels, "Labels are a dictionary, names with True or False"),
    ):
        if not isinstance(given, Mapping):
            raise TypeError(f"{what}. Got {type(given).__name__}; arrays go to learn and predict.")
    for name, on in labels.items() if isinstance(labels, Mapping) else ():
        if not (isinstance(on, bool | np.bool_) or (isinstance(on, _NUMBERS) and on in (0, 1))):
            raise TypeError(
                f"The label {name!r} is {reprlib.repr(on)}; a label is True or False. Where it is "
                "unknown, give `learn` what is known, in `Targets`."
            )


def _is_ids(ids: object) -> bool:
    return isinstance(ids, np.ndarray) and ids.dtype == np.intp and ids.ndim == 1


@compiled
def _in_order(positive: Ids, negative: Ids | None, labels: int) -> bool:
    """Return whether ids are of labels and ascend, and none is in both."""
    last, sound = -1, True
    for label in positive:
        sound &= label > last
        last = label
    sound &= last < labels
    if negative is not None:
        last, place = -1, 0
        for label in negative:
            sound &= label > last
            last = label
            while place < len(positive) and positive[place] < label:
                place += 1
            sound &= place == len(positive) or positive[place] != label
        sound &= last < labels
    return sound


@compiled
def _are_below(ids: Ids, labels: int) -> bool:
    sound = True
    for label in ids:
        sound &= 0 <= label < labels
    return sound


def _ordered(ids: Any, labels: int) -> Ids:
    """Return ids in order, each once; raise ValueError where one is no label's."""
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"The labels of a message are ids in one row, which are integers. Got {array.dtype} of shape "
            f"{array.shape}. Get the targets from learner.label_space.targets(names)."
        )
    ordered = np.unique(array)
    strange = ordered[(ordered < 0) | (ordered >= labels)]
    if len(strange):
        raise ValueError(
            f"The id {strange[0]} is of no label: there are {labels:,}. "
            "Get the targets from learner.label_space.targets(names)."
        )
    return ordered.astype(np.intp)


def check_messages(kind: type[Any]) -> None:
    """Let the methods of a learner's class check the messages that they are given.

    Parts of a learner, which share its label space, are given what it has checked.
    """
    for name, checking in _CHECKING.items():
        method = vars(kind).get(name)
        if method is not None and not getattr(method, "__isabstractmethod__", False):
            setattr(kind, name, checking(method))


def _of_vector(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, x: Any, *more: Any, **named: Any) -> Any:
        return method(self, vector(x) if self.alone else x, *more, **named)

    return checked


def _of_vectors(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, xs: Sequence[Any]) -> Any:
        return method(self, [vector(x) for x in xs] if self.alone else xs)

    return checked


def _of_targets(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, x: Any, targets: Any, *more: Any, **named: Any) -> Any:
        if self.alone:
            x, targets = vector(x), _in_place(targets, len(self.label_space))
        return method(self, x, targets, *more, **named)

    return checked


def _of_predicted(method: Method) -> Method:
    taught = _of_targets(method)

    @functools.wraps(method)
    def checked(self: Any, x: Any, targets: Any, prediction: Any) -> Any:
        if self.alone and prediction is not None:
            _check_prediction(prediction)
        return taught(self, x, targets, prediction)

    return checked


def _of_explained(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, prediction: Any, labels: int, neighbours: int) -> Any:
        _check_prediction(prediction)
        check_number("explain", "labels", labels, int, 0)
        check_number("explain", "neighbours", neighbours, int, 0)
        return method(self, prediction, labels, neighbours)

    return checked


def _check_prediction(prediction: object) -> None:
    if not isinstance(prediction, Prediction):
        raise TypeError(
            f"A prediction is what predict returned. Got {type(prediction).__name__}; score returns no "
            "prediction, and predict_one a dictionary."
        )


def _of_ids(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, labels: Any) -> None:
        if self.alone:
            labels = _ordered(labels, len(self.label_space))
            if not len(labels):
                return
        method(self, labels)

    return checked


def _of_clustered(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, labels: Any) -> Any:
        count = len(self.label_space)
        if self.alone and not (_is_ids(labels) and _are_below(labels, count)):
            labels = _ordered(labels, count)
        return method(self, labels)

    return checked


def _of_pair(method: Method) -> Method:
    @functools.wraps(method)
    def checked(self: Any, label: int, parent: int, prior: float) -> None:
        if self.alone:
            _ordered([label, parent], len(self.label_space))
            check_number("inherit", "prior", prior, float, 0, 1)
        method(self, label, parent, prior)

    return checked


_CHECKING: dict[str, Callable[[Method], Method]] = {
    "score": _of_vector,
    "predict": _of_vector,
    "predict_many": _of_vectors,
    "learn": _of_targets,
    "learn_predicted": _of_predicted,
    "recall": _of_targets,
    "forget": _of_ids,
    "clusters_of": _of_clustered,
    "explain": _of_explained,
    "inherit": _of_pair,
}
