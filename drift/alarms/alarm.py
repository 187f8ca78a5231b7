"""What monitors are shown of a message, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from drift.core import Ids, Vector
from drift.statistics import Shift

SCOPES = ("error", "prior", "correlation", "vector", "calibration", "structure", "input", "feedback")
"""What an alarm can be about."""


class StructureChange(Protocol):
    """What a learner did to its structure; see the learner's own account of it."""

    @property
    def kind(self) -> str:
        """What it did, in one word."""
        ...

    @property
    def subject(self) -> str:
        """To which cluster or label."""
        ...

    @property
    def statistic(self) -> float:
        """The figure that decided."""
        ...

    @property
    def threshold(self) -> float:
        """What it was compared with."""
        ...


def nothing_above(label: int) -> Sequence[int]:
    """Return what labels without a taxonomy lie under: nothing."""
    del label
    return ()


class Observation(NamedTuple):
    """What one message showed, once its true labels were known. Monitors skip what it does not say.

    Parameters
    ----------
    predicted, actual
        Label ids, ascending, each once. Predicted labels of which the truth says nothing are left out.
    appeared
        Names of labels never seen before this message.
    complete
        Whether `actual` is all there is; if not, what is not named is not known to be absent.
    name
        Gives the name of a label id.
    best
        The label held likeliest and its probability, or None.
    x
        The vector, shape (d,), or None; NaN is missing. Later ones may be longer.
    text
        What the vector was made of, where that was text.
    clusters, wrong
        Ids of the label clusters that predicted or actual labels live in, and of those among them with a
        wrong label.
    changes
        What the learner changed in its structure since the last observation, this message's part included.
    delay
        Messages predicted between this one's prediction and its labels; 0 where they came together.
    unlabelled
        Messages predicted since the last observation whose labels did not come with them.
    above
        Gives the labels that a label's messages carry because the taxonomy says so.
    """

    predicted: Ids
    actual: Ids
    appeared: Sequence[str] = ()
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
    """One drift event: which detector saw what, where, how much, since when, and what was done.

    Parameters
    ----------
    detector
        What was watched and by which detector, as in "subset-error/adwin".
    scope
        One of `SCOPES`.
    subject
        A label, a pair of labels ("a + b"), a cluster or "stream".
    statistic, threshold
        What was measured and what its size was compared with. Where a detector tells the two apart, a
        rise is positive and a fall negative.
    window
        Messages the figures are about.
    action
        What the service did about it.
    p
        Chance of such a figure without drift, where the detector knows it.
    since
        How many labelled messages ago the change began, where the detector can tell.
    before, after
        The figure that changed, on either side of the change, in a unit that people know, where the detector
        knows them.
    operation
        What was done to the labels' taxonomy or is proposed, as `action` says: kind, label, what it becomes.
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


class Monitor(Protocol):
    """Watches one thing of a stream."""

    def update(self, observation: Observation) -> list[Alarm]:
        """Take in one message and return the alarms it raised."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything learned, as arrays and plain JSON values."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a monitor with equal parameters; later alarms are equal."""
        ...


def shifted(detector: str, scope: str, subject: str, shift: Shift) -> Alarm:
    """Return what a bank found as an alarm: nats of evidence against "no change", negative for a fall."""
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
