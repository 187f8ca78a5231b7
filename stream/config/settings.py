"""The settings: sections of keys, checked once, frozen afterwards."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from stream import __version__
from stream.config.components import Component, Section

DETERMINING = ("encoder", "learner", "feedback", "confidence", "drift")
"""Sections that determine what is learned."""


class KafkaSettings(Section):
    """How the broker is reached.

    Parameters
    ----------
    bootstrap_servers
        Comma-separated `host:port` of one or more brokers.
    security_protocol, sasl_mechanism
        What the broker asks for. `PLAINTEXT` and `SASL_PLAINTEXT` can be read and altered on the way.
    sasl_username, sasl_password
        For `PLAIN` and `SCRAM`.
    oauth_token_endpoint, oauth_client_id, oauth_client_secret, oauth_scope
        For `OAUTHBEARER`: where tokens come from (https, or http on this machine) and who we are there.
    oauth_token_file
        For `OAUTHBEARER`: a file with a token that someone else keeps fresh, instead of an endpoint.
    ssl_cafile, ssl_certfile, ssl_keyfile, ssl_password
        Whom we trust; our certificate and its key, and the key's passphrase, where the broker wants one.
    partitions, replication_factor
        For topics that do not exist yet; -1 takes the broker's default. Too few partitions and workers
        cannot share the stream; changing the number later splits what a partition's learner knows.
    compression
        Of what is written. zstd is smallest, lz4 cheapest.
    """

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    oauth_token_endpoint: str | None = Field(
        default=None, pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$))"
    )
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None
    oauth_scope: str | None = None
    oauth_token_file: Path | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: SecretStr | None = None
    partitions: int = Field(default=1, ge=1)
    replication_factor: int = Field(default=-1, ge=-1)
    compression: Literal["lz4", "zstd", "gzip"] | None = "lz4"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse settings that no broker could be reached with."""
        asked = self.security_protocol.startswith("SASL_")
        if asked != (self.sasl_mechanism is not None):
            raise ValueError(
                f"security_protocol {self.security_protocol} and sasl_mechanism {self.sasl_mechanism} do "
                "not go together"
            )
        missing = [name for name in self._needed() if getattr(self, name) is None]
        if missing:
            raise ValueError(f"sasl_mechanism {self.sasl_mechanism} needs {' and '.join(missing)}")
        return self

    def _needed(self) -> tuple[str, ...]:
        if self.sasl_mechanism is None or self.oauth_token_file is not None:
            return ()
        if self.sasl_mechanism == "OAUTHBEARER":
            return ("oauth_token_endpoint", "oauth_client_id", "oauth_client_secret")
        return ("sasl_username", "sasl_password")


class EncoderSettings(Component):
    """Which encoder turns events into vectors, and its constructor's parameters."""

    name: str = "hashing"


class LearnerSettings(Component):
    """Which learner labels them, by its name in the catalogue, and its constructor's parameters."""

    name: str = "ihomer"


class FeedbackSettings(Section):
    """How long events are kept for labels that come later; see `stream.pipeline.FeedbackStore`.

    Parameters
    ----------
    events
        Most events (and feedback that waits for its event) kept of each partition; 0 keeps none.
    max_bytes
        Most memory for them, about, of each partition. Snapshots grow by as much.
    horizon_s
        How long they are kept, in seconds of the stream's own time. Labels that come later still are
        counted and not learned.
    """

    events: int = Field(default=10_000, ge=0)
    max_bytes: int = Field(default=64 * 2**20, ge=0)
    horizon_s: float = Field(default=604_800.0, gt=0.0)


class ConfidenceSettings(Section):
    """How sure predictions are said to be; see `learners.uncertainty.Conformal`.

    Parameters
    ----------
    enabled
        Whether anything is said of it.
    coverage
        Wanted share of events whose true labels are all in the label set said with the prediction. The
        closer to 1, the larger the sets.
    error
        Wanted share of wrong label-sets among the predictions that are not rejected. Where the learner is
        never that good nearly everything is rejected.
    """

    enabled: bool = True
    coverage: float = Field(default=0.9, ge=0.01, le=0.999)
    error: float = Field(default=0.1, ge=0.0, le=1.0)


class DriftSettings(Section):
    """What is watched; see `drift.monitors.Monitors`.

    Parameters
    ----------
    monitors
        Names of the monitors that run; None (the default) is all.
    detector, parameters
        Of the errors, by its name in `drift.detectors.catalogue`, and its constructor's parameters.
    budget
        False alarms per 100,000 messages that each monitor of many labels, pairs or clusters may raise.
        Smaller is quieter and slower; ten times less waits for about 15 % more evidence.
    """

    monitors: list[str] | None = None
    detector: str = "adwin"
    parameters: dict[str, float | str | bool] = Field(default_factory=dict)
    budget: float = Field(default=1.0, gt=0.0)


class WorkerSettings(Section):
    """How a worker takes its share.

    Parameters
    ----------
    group
        Consumer group that shares the partitions; None (the default) is `ithaca-<stream>`. Two services
        that read the same stream independently need two groups.
    instance
        Static name of this member (`group.instance.id`): a restart within the session timeout keeps its
        partitions without a rebalance. Two live workers with one name throw each other out.
    latency_ms
        How long a batch may take from poll to commit. Too low and commits (about 4 ms each) eat the
        throughput; too high and predictions arrive late under load.
    largest_batch
        Most records in one batch, whatever the latency; bounds memory and what a crash repeats.
    commit_timeout_s
        A transaction that takes longer counts as failed and is looked into. At most 8, so that a stop
        ends within 10 seconds.
    session_timeout_ms
        Silence after which the group gives this worker's partitions to others.
    """

    group: str | None = Field(default=None, min_length=1)
    instance: str | None = Field(default=None, min_length=1)
    latency_ms: float = Field(default=100.0, ge=5.0, le=60_000.0)
    largest_batch: int = Field(default=2_000, ge=1, le=100_000)
    commit_timeout_s: float = Field(default=5.0, gt=0.0, le=8.0)
    session_timeout_ms: int = Field(default=45_000, ge=6_000)


class SnapshotSettings(Section):
    """How a worker keeps what it has learned.

    Parameters
    ----------
    location
        Folder or fsspec URL (`s3://`, `gs://`, with the package that fsspec names for it). The default is
        on this machine: where workers run on several, name a place that all of them reach, else a
        partition that moves is relearned from its first event.
    every_s, every_records
        A partition's snapshot is due after so many seconds or, where given, so many offsets, if anything
        was learned. Rarely: a crash costs relearning that much, and those events must still be on the
        broker. Often: a copy of the state in memory each time, and its writing.
    keep
        Snapshots kept of each partition. With 1, a damaged one means relearning everything.
    allow_pickle
        Whether wrapped river models, which can only be pickled, may be written and loaded. Loading a
        pickle executes code: whoever can write to `location` then rules this service.
    rebuild
        Whether to go on where events that must be relearned are gone from the broker. The model then
        never saw them, which a drift event says. Set it for one start, not for good.
    """

    location: str = Field(default_factory=lambda: str(state_home() / "snapshots"), min_length=1)
    every_s: float = Field(default=60.0, gt=0.0)
    every_records: int | None = Field(default=None, ge=1)
    keep: int = Field(default=3, ge=1)
    allow_pickle: bool = False
    rebuild: bool = False


def state_home() -> Path:
    """Return the folder for what outlives a process, by default `~/.local/state/ithaca`."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ithaca"


class HttpSettings(Section):
    """Where metrics and health are served; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65_535)


class DashboardSettings(Section):
    """Where the dashboard is served, and who may look.

    Parameters
    ----------
    host, port
        Where it listens; port 0 takes any free one.
    token
        Whoever looks must know it. Needed where `host` is not a loopback address: labels, ids and scores
        are then on a network. It travels as the connection does, so put TLS before it.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=9480, ge=0, le=65_535)
    token: SecretStr | None = Field(default=None, min_length=16)


class LogSettings(Section):
    """How much is logged, and whether as text for people or JSON lines for machines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


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
    feedback: FeedbackSettings = FeedbackSettings()
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
