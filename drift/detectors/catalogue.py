"""Change detectors for a series of numbers, behind one Protocol, created by name."""

from __future__ import annotations

from typing import Protocol

from drift.core import Registry, State
from drift.detectors.adwin import ADWIN
from drift.detectors.ddm import DDM
from drift.detectors.eddm import EDDM
from drift.detectors.hddm import HDDMA, HDDMW
from drift.detectors.page_hinkley import PageHinkley


class Detector(Protocol):
    """Watches a series of numbers in [0, 1] and reports when it changes.

    Attributes
    ----------
    drift_detected, warning
        Whether the last value made a change certain, or likely; detectors without a warning level never warn.
    statistic, threshold
        The test statistic and its threshold: a drift is a statistic whose magnitude reaches the threshold.
        A rise of the series is positive and a fall negative where the detector distinguishes them. 0 and
        infinity until it has seen enough values.
    window
        Number of values that the statistic covers.
    before, after
        Means on either side of the change that the last value revealed, where the detector computes them.
    """

    @property
    def drift_detected(self) -> bool:
        """Whether the last value made a change of the series certain."""
        ...

    @property
    def warning(self) -> bool:
        """Whether the last value made a change of the series likely."""
        ...

    @property
    def statistic(self) -> float:
        """The test statistic."""
        ...

    @property
    def threshold(self) -> float:
        """The threshold for the statistic's magnitude."""
        ...

    @property
    def window(self) -> int:
        """Number of values that the statistic covers."""
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
        """Take in one value; one that is not finite is a ValueError."""
        ...

    def state(self) -> State:
        """Return everything learned, as arrays and plain JSON values."""
        ...

    def load_state(self, state: State) -> None:
        """Take over the state of a detector with equal parameters; both then behave equally.

        That of one with others is a ValueError; nothing has changed then.
        """
        ...


DETECTORS = Registry[Detector](
    "detector",
    {
        "adwin": ADWIN,
        "ddm": DDM,
        "eddm": EDDM,
        "hddm-a": HDDMA,
        "hddm-w": HDDMW,
        "kswin": "drift.detectors.kswin:KSWIN",  # imports scipy.stats, which takes half a second
        "page-hinkley": PageHinkley,
    },
)
"""Every detector, by its name in the settings."""


def build(name: str, **parameters: float | str | bool) -> Detector:
    """Return a new detector by its name.

    Parameters
    ----------
    name
        One of `DETECTORS`.
    parameters
        Parameters of the constructor; those left out have their defaults.

    Raises
    ------
    ValueError
        When there is no such detector or parameter, or one is missing; the message lists the valid names.

    Examples
    --------
    >>> build("hddm-a", drift_confidence=1e-4).drift_detected
    False
    >>> build("cusum")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: There is no detector named 'cusum'. Choose among 'adwin', 'ddm', 'eddm', ...
    >>> build("kswin")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: The detector 'kswin': missing a required argument: 'seed'. It takes 'seed', ...
    """
    return DETECTORS.make(name, parameters)
