"""A series of numbers watched by one detector, and the alarms it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drift.alarms.alarm import Alarm
from drift.core import Inlined, Parametrised, State, Stateful, fields
from drift.detectors import Detector, build


class Series(Stateful):
    """A named series of values in [0, 1] with a detector.

    Parameters
    ----------
    name, scope
        What is watched; see `Alarm`.
    falls
        Whether a fall raises an alarm, as a rise does.
    unit
        Converts a value to the unit in which alarms report `before` and `after`; the identity by default.
    detector, parameters
        Name and parameters of the detector; see `drift.detectors.build`.

    Examples
    --------
    >>> series = Series("length", "input")
    >>> alarms = [alarm for n in range(600) for alarm in series.update(0.2 if n < 500 else 0.9)]
    >>> alarms[0].detector, round(alarms[0].statistic, 1), alarms[0].since
    ('length/adwin', 0.7, 12)
    """

    state_fields = fields(Inlined("_detector"))

    def __init__(
        self,
        name: str,
        scope: str,
        *,
        falls: bool = True,
        unit: Callable[[float], float] = float,
        detector: str = "adwin",
        parameters: Mapping[str, float | str | bool] | None = None,
    ) -> None:
        self.name = f"{name}/{detector}"
        self.scope = scope
        self.falls = falls
        self.unit = unit
        self._detector: Detector = build(detector, **(parameters or {}))

    def update(self, value: float) -> list[Alarm]:
        """Take in one value and return the alarm it raised, if any."""
        detector = self._detector
        detector.update(value)
        if not detector.drift_detected or (detector.statistic <= 0 and not self.falls):
            return []
        figures = detector.statistic, detector.threshold, detector.window
        before, after = (
            None if mean is None else self.unit(mean) for mean in (detector.before, detector.after)
        )
        return [
            Alarm(
                self.name, self.scope, "stream", *figures, since=detector.window, before=before, after=after
            )
        ]

    @property
    def watched(self) -> tuple[float, float]:
        """The current statistic, and the threshold for its magnitude."""
        return float(self._detector.statistic), float(self._detector.threshold)


def odds(share: float) -> float:
    """Return the odds k of a share k / (1 + k), the form in which unbounded numbers are watched."""
    return share / max(1.0 - share, 1e-9)


class SeriesMonitor(Parametrised):
    """Base class of monitors that watch several series of numbers."""

    def __init__(self, *series: Series) -> None:
        self._series = series

    def _update(self, *values: float | None) -> list[Alarm]:
        """Take in one value for each series; None skips that series."""
        return [
            alarm
            for series, value in zip(self._series, values, strict=True)
            if value is not None
            for alarm in series.update(value)
        ]

    def watched(self) -> dict[str, tuple[float, float]]:
        """Return the current statistic and threshold of each series, by its name; see `Series.watched`."""
        return {series.name: series.watched for series in self._series}

    def state(self) -> State:
        """See `Monitor`."""
        return super().state() | {series.name: series.state() for series in self._series}

    def load_state(self, state: State) -> None:
        """See `Monitor`."""
        super().load_state(state)
        for series in self._series:
            series.load_state(state[series.name])
