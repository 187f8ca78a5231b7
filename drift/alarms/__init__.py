"""What a monitor is shown, what it says, and how many alarms a reader is given."""

from drift.alarms.alarm import SCOPES, Alarm, Monitor, Observation, shifted
from drift.alarms.rate_limit import Limit
from drift.alarms.series import Series, Together, odds

__all__ = [
    "SCOPES",
    "Alarm",
    "Limit",
    "Monitor",
    "Observation",
    "Series",
    "Together",
    "odds",
    "shifted",
]
