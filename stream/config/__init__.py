"""Settings: what there is, and where it is loaded from."""

from stream.config.loading import ConfigError, load
from stream.config.settings import (
    ConfidenceSettings,
    DriftSettings,
    KafkaSettings,
    LearnerSettings,
    Settings,
    state_home,
)

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
