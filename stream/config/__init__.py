"""Settings: what there is, and where it is loaded from."""

from stream.config.loading import ConfigError, load
from stream.config.sections import (
    ConfidenceSettings,
    DriftSettings,
    KafkaSettings,
    LearnerSettings,
    state_home,
)
from stream.config.settings import Settings

__all__ = [
    "ConfidenceSettings",
    "ConfigError",
    "DriftSettings",
    "KafkaSettings",
    "LearnerSettings",
    "Settings",
    "load",
    "state_home",
]
