"""Limits on the number and depth of one record's labels, which bound its cost where labels are paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stream.records.schema import BadEventError, Control, Input, shortened

SEPARATOR = "/"


class Limits(NamedTuple):
    """Limits for one record; a record that exceeds one is a dead letter with the reason `limit`.

    Parameters
    ----------
    levels
        Most levels of a label that is a path, such as `topics/energy/crude`, which has three.
    labels
        Most labels that a record names, including their ancestors.

    Examples
    --------
    >>> Limits(levels=3).check(Control("add", "a/b/c/d"))
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: the label 'a/b/c/d' has 4 levels; limits.levels is 3
    """

    levels: int = 32
    labels: int = 4_000

    def check(self, message: Input) -> None:
        """Raise BadEventError when a record exceeds a limit."""
        names = _names(message)
        # For most records, this already shows that no limit is exceeded.
        if len(names) + sum(name.count(SEPARATOR) for name in names) <= min(self):
            return
        paths = [[part for part in name.split(SEPARATOR) if part] for name in names]
        for name, path in zip(names, paths, strict=True):
            if len(path) > self.levels:
                label = repr(shortened(name, 64))
                raise BadEventError(
                    "limit", f"the label {label} has {len(path)} levels; limits.levels is {self.levels}"
                )
        expanded = {tuple(path[:level]) for path in paths for level in range(1, len(path) + 1)}
        if len(expanded) > self.labels:
            raise BadEventError(
                "limit",
                f"the labels are {len(expanded)} with those above them; limits.labels is {self.labels}",
            )


DEFAULT_LIMITS = Limits()


def _names(message: Input) -> Sequence[str]:
    if isinstance(message, Control):
        return [message.label, *message.to]
    return [*(message.labels or ()), *message.not_]
