"""Settings: what there is, and where it is loaded from."""

from stream.config.components import Component
from stream.config.loading import ConfigError, load
from stream.config.settings import (
    ConfidenceSettings,
    DriftSettings,
    EncoderSettings,
    KafkaSettings,
    LearnerSettings,
    Settings,
    state_home,
)

__all__ = [
    "Component",
    "ConfidenceSettings",
    "ConfigError",
    "DriftSettings",
    "EncoderSettings",
    "KafkaSettings",
    "LearnerSettings",
    "Settings",
    "load",
    "state_home",
]
