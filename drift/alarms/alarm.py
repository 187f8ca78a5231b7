"""Observations and alarms: the input and the output of monitors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from drift.core import Ids, Vector
from drift.statistics import Shift

SCOPES = (
    "error",
    "prior",
    "correlation",
    "vector",
    "calibration",
    "structure",
    "input",
    "feedback",
    "relation",
)
"""What an alarm can be about. All but the last are changes; a relation of labels is a finding."""


class StructureChange(Protocol):
    """A change that a learner made to its label structure."""

    @property
    def kind(self) -> str:
        """The operation, in one word, such as "split"."""
        ...

    @property
    def subject(self) -> str:
        """The cluster that was changed, or that its labels left."""
        ...

    @property
    def labels(self) -> Sequence[str]:
        """Names of the labels that moved."""
        ...

    @property
    def statistic(self) -> float:
        """The statistic that decided the change."""
        ...

    @property
    def threshold(self) -> float:
        """The threshold that the statistic was compared with."""
        ...


def nothing_above(label: int) -> Sequence[int]:
    """Return the ancestors of a label without a taxonomy: none."""
    del label
    return ()


class Observation(NamedTuple):
    """One message whose true labels are known. Monitors skip the fields that are not given.

    Parameters
    ----------
    predicted, actual
        Label ids, ascending, each once. Predicted labels whose truth is unknown are left out.
    appeared, returned
        Names of labels never seen before this message; and ids of labels that had left the learner's label
        space and are back.
    complete
        Whether `actual` lists all true labels; if not, labels that are not named are unknown, not absent.
    name
        Gives the name of a label id.
    best
        The label with the highest predicted probability, and that probability; or None.
    x
        The vector, shape (d,), or None; NaN is a missing value. Later vectors may be longer.
    text
        The text that the vector encodes; None where it does not encode text.
    clusters, wrong
        Ids of the label clusters that predicted or actual labels live in, and of those among them with a
        wrong label.
    changes
        Changes the learner made to its structure since the last observation, including those of this message.
    delay
        Messages predicted between this one's prediction and its labels; 0 where they came together.
    unlabelled
        Messages predicted since the last observation whose labels did not come with them.
    above
        Returns the ancestors of a label in the taxonomy, which all its messages carry as well.
    """

    predicted: Ids
    actual: Ids
    appeared: Sequence[str] = ()
    returned: Sequence[int] = ()
    complete: bool = True
    name: Callable[[int], str] = str
    best: tuple[int, float] | None = None
    x: Vector | None = None
    text: str | None = None
    clusters: Sequence[int] = ()
    wrong: Sequence[int] = ()
    changes: Sequence[StructureChange] = ()
    delay: int = 0
    unlabelled: int = 0
    above: Callable[[int], Sequence[int]] = nothing_above


class Alarm(NamedTuple):
    """One drift event: detector, subject, statistic, time of the change, and the action taken.

    Parameters
    ----------
    detector
        What was watched and by which detector, as in "subset-error/adwin".
    scope
        One of `SCOPES`.
    subject
        A label, a pair of labels ("a + b"), a cluster or "stream".
    statistic, threshold
        The test statistic, and the threshold for its magnitude. Where a detector distinguishes directions,
        a rise is positive and a fall negative.
    window
        Number of messages that the statistic is computed from.
    action
        What the learner or the service did in response.
    p
        Probability of such a statistic without drift, where the detector computes it.
    since
        How many labelled messages ago the change began, where the detector can tell.
    before, after
        The watched quantity before and after the change, in its natural unit, where the detector computes
        them.
    operation
        The taxonomy operation that was applied or is proposed, as `action` says: kind, label, target.
    labels
        Names of the labels that the learner moved between its clusters.
    """

    detector: str
    scope: str
    subject: str
    statistic: float
    threshold: float
    window: int
    action: str = "none"
    p: float | None = None
    since: int | None = None
    before: float | None = None
    after: float | None = None
    operation: tuple[str, str, tuple[str, ...]] | None = None
    labels: Sequence[str] = ()


class Monitor(Protocol):
    """Watches one property of a stream."""

    def update(self, observation: Observation) -> list[Alarm]:
        """Take in one message and return the alarms it raised."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything learned, as arrays and plain JSON values."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a monitor with equal parameters; later alarms are equal.

        That of one with others is a ValueError; nothing has changed then.
        """
        ...


def shifted(detector: str, scope: str, subject: str, shift: Shift) -> Alarm:
    """Return a bank's shift as an alarm: nats of evidence against "no change", negative for a fall."""
    evidence = -math.log(max(shift.p, 1e-300))
    return Alarm(
        detector,
        scope,
        subject,
        statistic=evidence if shift.after >= shift.before else -evidence,
        threshold=-math.log(shift.allowed),
        window=shift.window,
        p=shift.p,
        since=shift.since,
        before=shift.before,
        after=shift.after,
    )
