"""Label priors: labels that become more or less frequent, appear, vanish and return."""

from __future__ import annotations

from drift.alarms import Alarm, Observation, shifted
from drift.core import Ids, Inlined, Stateful, fields
from drift.statistics import RateBank


class LabelRateMonitor(Stateful):
    """Watches how often each label occurs. Scope *prior*; the subject is the label.

    Detectors are ``label-rise``, ``label-fall``, ``label-new``, ``label-vanished`` and ``label-returned``;
    see `RateBank`. Statistic and threshold are nats of evidence, -ln of `p` and of its allowed maximum,
    negative where the label became rarer; `before` and `after` are the shares of messages that carry it.
    Messages with incomplete labels are skipped.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages for all labels together; see `Bank`.

    Examples
    --------
    >>> import numpy as np
    >>> monitor = LabelRateMonitor()
    >>> for n in range(3000):
    ...     labels = np.array([0, 1] if n < 2000 and n % 5 == 0 else [1])
    ...     for alarm in monitor.update(Observation(labels, labels, name=["wheat", "corn"].__getitem__)):
    ...         print(n, alarm.detector, alarm.subject, f"{alarm.before:.2f}", alarm.after, alarm.since)
    2058 label-vanished/rates wheat 0.20 0.0 63
    """

    state_fields = fields(Inlined("_bank"))

    def __init__(self, budget: float = 1.0) -> None:
        self._bank = RateBank(budget)

    def forget(self, labels: Ids) -> None:
        """See `Monitors.forget`."""
        self._bank.restart(labels)

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        if not observation.complete:
            return []
        shifts = self._bank.update(observation.actual, observation.returned)
        return [
            shifted(f"label-{shift.kind}/rates", "prior", observation.name(shift.series), shift)
            for shift in shifts
        ]
