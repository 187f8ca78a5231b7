"""Detectors of change in a series of numbers, behind one Protocol, built by name."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from drift.core import Registry
from drift.detectors.adwin import ADWIN
from drift.detectors.ddm import DDM
from drift.detectors.eddm import EDDM
from drift.detectors.hddm import HDDMA, HDDMW
from drift.detectors.page_hinkley import PageHinkley


class Detector(Protocol):
    """Watches one series of numbers in [0, 1] and says when it changes.

    Attributes
    ----------
    drift_detected, warning
        Whether the last value made it sure, or suspicious; detectors without a warning level never warn.
    statistic, threshold
        What was compared with what: a drift is a statistic whose size reaches the threshold. A rise of
        the series is positive and a fall negative where the detector tells them apart. 0 and infinity
        while it has not seen enough.
    window
        Values the figure is about.
    before, after
        Means on either side of the change that the last value made sure, where the detector knows them.
    """

    @property
    def drift_detected(self) -> bool:
        """Whether the last value made it sure that the series changed."""
        ...

    @property
    def warning(self) -> bool:
        """Whether the last value made a change likely."""
        ...

    @property
    def statistic(self) -> float:
        """What was measured."""
        ...

    @property
    def threshold(self) -> float:
        """What the statistic's size is compared with."""
        ...

    @property
    def window(self) -> int:
        """Values the statistic is about."""
        ...

    @property
    def before(self) -> float | None:
        """Mean before the change."""
        ...

    @property
    def after(self) -> float | None:
        """Mean since the change."""
        ...

    def update(self, value: float) -> None:
        """Take in one value."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything learned, as arrays and plain JSON values."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a detector with equal parameters; what follows is equal."""
        ...


DETECTORS = Registry[Detector](
    {
        "adwin": ADWIN,
        "ddm": DDM,
        "eddm": EDDM,
        "hddm-a": HDDMA,
        "hddm-w": HDDMW,
        "kswin": "drift.detectors.kswin:KSWIN",  # imports scipy.stats, which takes half a second
        "page-hinkley": PageHinkley,
    }
)
"""Every detector, by the name the configuration uses."""


def build(name: str, **parameters: float | str | bool) -> Detector:
    """Return a new detector by its name.

    Parameters
    ----------
    name
        One of `DETECTORS`.
    parameters
        The constructor's; what is left out has its default.

    Raises
    ------
    ValueError
        When there is no such detector or parameter, or one is missing: lists the names there are.

    Examples
    --------
    >>> build("hddm-a", drift_confidence=1e-4).drift_detected
    False
    >>> build("cusum")
    Traceback (most recent call last):
    ...
    ValueError: There is no detector 'cusum': choose adwin, ddm, eddm, hddm-a, hddm-w, kswin, page-hinkley.
    >>> build("kswin")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: Detector 'kswin': missing a required argument: 'seed'. It takes seed, ...
    """
    if name not in DETECTORS:
        raise ValueError(f"There is no detector {name!r}: choose {', '.join(DETECTORS)}.")
    signature = inspect.signature(DETECTORS[name])
    try:
        signature.bind(**parameters)
    except TypeError as error:
        known = ", ".join(signature.parameters)
        raise ValueError(f"Detector {name!r}: {error}. It takes {known}.") from error
    return DETECTORS[name](**parameters)
