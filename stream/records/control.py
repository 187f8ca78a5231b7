"""Taxonomy operations in records: applied to a learner, and reported by an alarm."""

from __future__ import annotations

from drift.alarms import Alarm
from learners.core import Learner, Operation, TaxonomyError
from stream.records.schema import BadEventError, Control

DETECTOR = "taxonomy"
"""Detector of the drift event that reports an applied operation."""


def apply_operation(learner: Learner, control: Control) -> Alarm:
    """Apply an operation and return the alarm that reports it; its statistic is the number of new labels.

    Raises
    ------
    BadEventError
        When the learner's taxonomy does not allow it, or the learner has none; nothing has changed then.

    Examples
    --------
    >>> from learners import LabelExpansion
    >>> learner = LabelExpansion()
    >>> apply_operation(learner, Control("add", "topics/energy")).statistic
    2.0
    >>> apply_operation(learner, Control("retire", "topics/grain"))
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: There is no label 'topics/grain'. Add it first, or correct the path.
    """
    known, asked = learner.label_space.admitted, operation(control)
    try:
        learner.apply(asked)
    except TaxonomyError as error:
        raise BadEventError("control", str(error)) from error
    made = float(learner.label_space.admitted - known)
    return Alarm(DETECTOR, "structure", control.label, made, 0.0, 0, in_words(control), operation=asked)


def operation(control: Control) -> Operation:
    """Return the operation of a control record."""
    return Operation(control.operation, control.label, tuple(control.to))


def in_words(control: Control) -> str:
    """Return an operation in words.

    Examples
    --------
    >>> in_words(Control("split", "topics/energy", ["crude", "gas"]))
    'split topics/energy: crude, gas'
    """
    return f"{control.operation} {control.label}" + (f": {', '.join(control.to)}" if control.to else "")
