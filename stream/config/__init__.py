"""Settings: their sections and keys, and the sources they are loaded from."""

from stream.config.components import Component
from stream.config.kafka import KafkaSettings
from stream.config.loading import ConfigError, load
from stream.config.masking import masked
from stream.config.sections import (
    ConfidenceSettings,
    DriftSettings,
    EncoderSettings,
    LearnerSettings,
    state_home,
)
from stream.config.settings import DETERMINING, PARTS, Settings

__all__ = [
    "DETERMINING",
    "PARTS",
    "Component",
    "ConfidenceSettings",
    "ConfigError",
    "DriftSettings",
    "EncoderSettings",
    "KafkaSettings",
    "LearnerSettings",
    "Settings",
    "load",
    "masked",
    "state_home",
]
