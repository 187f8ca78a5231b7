"""The settings: sections of keys, checked once, frozen afterwards."""

from __future__ import annotations

import hashlib
import json

from pydantic import Field

from stream import __version__
from stream.config.components import Section
from stream.config.sections import (
    ConfidenceSettings,
    DashboardSettings,
    DriftSettings,
    EncoderSettings,
    FeedbackSettings,
    HttpSettings,
    KafkaSettings,
    LearnerSettings,
    LimitSettings,
    LogSettings,
    ModelSettings,
    SnapshotSettings,
    WorkerSettings,
)

DETERMINING = ("encoder", "learner", "feedback", "confidence", "drift")
"""Sections that determine what is learned."""


class Settings(Section):
    """All settings.

    Parameters
    ----------
    stream
        Name of the stream: its topics are `<stream>.events`, `<stream>.predictions` and so on.
    run
        Name written into every prediction; the default is the learner and a digest of what
        determines results.

    Examples
    --------
    >>> settings = Settings.model_validate({"stream": "news"})
    >>> settings.group, settings.kafka.compression, settings.run_name.split("-")[0]
    ('ithaca-news', 'lz4', 'ihomer')
    """

    stream: str = Field(default="ithaca", pattern=r"^[a-zA-Z0-9._-]{1,200}$")
    run: str | None = Field(default=None, min_length=1)
    kafka: KafkaSettings = KafkaSettings()
    encoder: EncoderSettings = EncoderSettings()
    learner: LearnerSettings = LearnerSettings()
    model: ModelSettings = ModelSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    limits: LimitSettings = LimitSettings()
    confidence: ConfidenceSettings = ConfidenceSettings()
    drift: DriftSettings = DriftSettings()
    worker: WorkerSettings = WorkerSettings()
    snapshot: SnapshotSettings = Field(default_factory=SnapshotSettings)
    http: HttpSettings = HttpSettings()
    dashboard: DashboardSettings = DashboardSettings()
    log: LogSettings = LogSettings()

    @property
    def group(self) -> str:
        """The consumer group's name."""
        return self.worker.group or f"ithaca-{self.stream}"

    @property
    def run_name(self) -> str:
        """What predictions are marked with: `run`, or learner and a digest of what determines results."""
        if self.run is not None:
            return self.run
        digest = hashlib.blake2b(f"{__version__} {self.configuration}".encode(), digest_size=6)
        return f"{self.learner.name}-{digest.hexdigest()}"

    @property
    def configuration(self) -> str:
        """Digest of the settings that determine what is learned: a snapshot of others is of no use."""
        return hashlib.blake2b(self.canonical.encode(), digest_size=16).hexdigest()

    @property
    def canonical(self) -> str:
        """The settings that determine what is learned, as JSON in one spelling."""
        determining = {name: getattr(self, name).model_dump() for name in DETERMINING}
        return json.dumps(determining, sort_keys=True, default=str)
