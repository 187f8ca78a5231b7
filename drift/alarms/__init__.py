"""Observations (the input of monitors), alarms (their output), and the rate limit on alarms."""

from drift.alarms.alarm import SCOPES, Alarm, Monitor, Observation, shifted
from drift.alarms.incidents import ACTIONS, FINDINGS, SLACK, Incident, incidents
from drift.alarms.rate_limit import RateLimit
from drift.alarms.series import Series, SeriesMonitor, odds

__all__ = [
    "ACTIONS",
    "FINDINGS",
    "SCOPES",
    "SLACK",
    "Alarm",
    "Incident",
    "Monitor",
    "Observation",
    "RateLimit",
    "Series",
    "SeriesMonitor",
    "incidents",
    "odds",
    "shifted",
]
