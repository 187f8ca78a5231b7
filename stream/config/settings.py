"""The settings: sections of keys, validated once, immutable afterwards."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from stream import __version__
from stream.config.components import Section
from stream.config.kafka import KafkaSettings
from stream.config.sections import (
    ConfidenceSettings,
    DashboardSettings,
    DriftSettings,
    EncoderSettings,
    FeedbackSettings,
    HttpSettings,
    LearnerSettings,
    LimitSettings,
    LogSettings,
    ModelSettings,
    SnapshotSettings,
    WorkerSettings,
)

DETERMINING = ("encoder", "learner")
"""Sections that determine a model's arithmetic: a snapshot made with others cannot be used."""
PARTS = {"monitors": "drift", "confidence": "confidence"}
"""Sections that determine a part of a snapshot which can be discarded alone, by that part."""


class Settings(Section):
    """All settings.

    Parameters
    ----------
    stream
        Name of the stream: its topics are `<stream>.events`, `<stream>.predictions` and so on.
    run
        Name written into every prediction; the default is the learner and a digest of what
        determines results.
    envelope
        What the values on the events topic are in: CloudEvents' structured mode, Kafka Connect's schema and
        payload, or Debezium's change events, of which `after` is the event. The default is nothing.

    Examples
    --------
    >>> settings = Settings.model_validate({"stream": "news"})
    >>> settings.group, settings.kafka.compression, settings.run_name.split("-")[0]
    ('ithaca-news', 'lz4', 'ihomer')
    """

    stream: str = Field(default="ithaca", pattern=r"^[a-zA-Z0-9._-]{1,200}$")
    run: str | None = Field(default=None, min_length=1, max_length=200)
    envelope: Literal["cloudevents", "connect", "debezium"] | None = None
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
    def learned_from(self) -> str:
        """The kind of the topic that a model learns from: lessons where partitions share it, else events."""
        return "lessons" if self.model.scope == "stream" else "events"

    @property
    def run_name(self) -> str:
        """The name in predictions: `run`, or the learner and a digest of what determines results."""
        if self.run is not None:
            return self.run
        digest = hashlib.blake2b(f"{__version__} {self.canonical}".encode(), digest_size=6)
        return f"{self.learner.name}-{digest.hexdigest()}"

    @property
    def unencoded(self) -> Settings:
        """These settings with the default encoder, where nothing is encoded: theirs may take long to load."""
        return self.model_copy(update={"encoder": EncoderSettings()})

    @property
    def configuration(self) -> str:
        """Digest of the settings that determine a model's arithmetic, wherever it is computed."""
        determining = {name: getattr(self, name).model_dump() for name in DETERMINING}
        determining["encoder"] = self.encoder.original.model_dump()
        for section in determining.values():
            section["parameters"].pop("device", None)
        return hashlib.blake2b(_json(determining).encode(), digest_size=16).hexdigest()

    @property
    def parts(self) -> dict[str, dict[str, Any]]:
        """The settings of each of `PARTS` without defaults, so that a new default invalidates no snapshot."""
        dumped = {
            part: getattr(self, section).model_dump_json(exclude_defaults=True)
            for part, section in PARTS.items()
        }
        return {part: json.loads(text) for part, text in dumped.items()}

    @property
    def epoch(self) -> str:
        """Digest of the settings that workers which share a model must have in common."""
        return hashlib.blake2b(
            f"{self.configuration} {_json(self.parts)}".encode(), digest_size=16
        ).hexdigest()

    @property
    def canonical(self) -> str:
        """The settings that determine results, as canonical JSON."""
        return _json(
            {name: getattr(self, name).model_dump() for name in (*DETERMINING, "feedback", *PARTS.values())}
        )


def _json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str)
