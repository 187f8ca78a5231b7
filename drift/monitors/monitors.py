"""All monitors of one partition, by name, with a limit on alarms and the learner's response to each."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from drift.alarms import Alarm, Monitor, Observation, RateLimit, SeriesMonitor
from drift.core import Ids, Parametrised, Parts, State, Values, fields
from drift.monitors.births import BirthMonitor
from drift.monitors.calibration import CalibrationMonitor
from drift.monitors.cardinality import CardinalityMonitor
from drift.monitors.errors import ClusterErrorMonitor, ErrorMonitor
from drift.monitors.exclusions import ExclusionMonitor
from drift.monitors.feedback import FeedbackMonitor
from drift.monitors.inputs import InputMonitor
from drift.monitors.labels import LabelRateMonitor
from drift.monitors.pairs import PairMonitor
from drift.monitors.relations import RelationMonitor
from drift.monitors.structure import StructureMonitor
from drift.monitors.vectors import VectorMonitor

Parameters = Mapping[str, float | str | bool]

REMEMBERED_CHANGES = 256
"""Most recent changes of structure that are kept to fill in an alarm's action."""
MONITORS: dict[str, Callable[[float, str, Parameters], Monitor]] = {
    "structure": lambda budget, detector, parameters: StructureMonitor(),
    "errors": lambda budget, detector, parameters: ErrorMonitor(detector, parameters),
    "cluster-errors": lambda budget, detector, parameters: ClusterErrorMonitor(budget),
    "cardinality": lambda budget, detector, parameters: CardinalityMonitor(),
    "labels": lambda budget, detector, parameters: LabelRateMonitor(budget),
    "births": lambda budget, detector, parameters: BirthMonitor(),
    "pairs": lambda budget, detector, parameters: PairMonitor(budget),
    "exclusions": lambda budget, detector, parameters: ExclusionMonitor(budget),
    "relations": lambda budget, detector, parameters: RelationMonitor(budget),
    "vectors": lambda budget, detector, parameters: VectorMonitor(budget),
    "calibration": lambda budget, detector, parameters: CalibrationMonitor(budget),
    "inputs": lambda budget, detector, parameters: InputMonitor(),
    "feedback": lambda budget, detector, parameters: FeedbackMonitor(),
}
"""Every monitor, by its name in the settings."""


class Monitors(Parametrised):
    """Runs monitors side by side over the messages of one partition.

    An alarm that names no action gets the changes that the learner made to its structure since the change,
    such as "2 split, 1 merge", or "none". Alarms about single labels, pairs and clusters are limited; see
    `RateLimit`.

    Parameters
    ----------
    detector, parameters
        Detector of the error monitor and its parameters; see `ErrorMonitor`.
    names
        Names of the monitors to run, among `MONITORS`; None (the default) runs all.
    budget
        False alarms per 100,000 messages allowed to each monitor of many series, positive.

    Raises
    ------
    ValueError
        When there is no such monitor, detector or parameter.

    Examples
    --------
    >>> import numpy as np
    >>> monitors = Monitors()
    >>> wheat, corn = np.array([0]), np.array([1])
    >>> for n in range(240):
    ...     for alarm in monitors.update(Observation(wheat, wheat if n < 200 else corn)):
    ...         print(n, alarm.detector, alarm.scope, alarm.subject, round(alarm.statistic, 2), alarm.since)
    204 label-new/rates prior 1 13.96 4
    212 label-vanished/rates prior 0 -12.59 13
    223 subset-error/adwin error stream 1.0 24
    223 jaccard-error/adwin error stream 1.0 24
    223 hamming-error/adwin error stream 0.67 24
    """

    state_fields = fields(Parts("_monitors", "_limit"), Values("_messages"))

    def __init__(
        self,
        detector: str = "adwin",
        parameters: Parameters | None = None,
        names: Sequence[str] | None = None,
        budget: float = 1.0,
    ) -> None:
        unknown = [name for name in names or () if name not in MONITORS]
        if unknown:
            raise ValueError(f"There is no monitor {unknown[0]!r}: choose {', '.join(MONITORS)}.")
        self.detector = detector
        self.parameters = dict(parameters or {})
        self.names = [name for name in MONITORS if names is None or name in names]
        self.budget = budget
        self._monitors = {name: MONITORS[name](budget, detector, self.parameters) for name in self.names}
        self._limit = RateLimit()
        self._changes: deque[tuple[int, str]] = deque(maxlen=REMEMBERED_CHANGES)
        self._messages = 0

    def update(self, observation: Observation) -> list[Alarm]:
        """Take in one message and return the alarms it raised."""
        self._messages += 1
        self._changes.extend((self._messages, change.kind) for change in observation.changes)
        alarms = [alarm for monitor in self._monitors.values() for alarm in monitor.update(observation)]
        return [self._answered(alarm) for alarm in self._limit.update(alarms)]

    def _answered(self, alarm: Alarm) -> Alarm:
        if alarm.action != "none" or alarm.since is None:
            return alarm
        began = self._messages - alarm.since
        done = Counter(kind for message, kind in self._changes if message >= began)
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()))
        return alarm._replace(action=listed or "none")

    def forget(self, labels: Ids) -> None:
        """Forget labels (ids, ascending) that leave: each id is another label's from now on."""
        for monitor in self._monitors.values():
            if isinstance(monitor, LabelRateMonitor | PairMonitor | ExclusionMonitor | RelationMonitor):
                monitor.forget(labels)

    def watched(self) -> dict[str, tuple[float, float]]:
        """Return the current statistic and threshold of each detector of single series and of the vectors."""
        return {
            name: figures
            for monitor in self._monitors.values()
            if isinstance(monitor, SeriesMonitor | VectorMonitor)
            for name, figures in monitor.watched().items()
        }

    def state(self) -> State:
        """Return everything learned, as arrays and plain JSON values."""
        return super().state() | {"changes": [list(change) for change in self._changes]}

    def load_state(self, state: State) -> None:
        """Take over the state of monitors with equal parameters; later alarms are equal."""
        super().load_state(state)
        self._changes = deque(
            ((message, kind) for message, kind in state["changes"]), maxlen=REMEMBERED_CHANGES
        )
