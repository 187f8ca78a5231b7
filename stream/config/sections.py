"""The sections of the settings, each with its keys and their validation."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, IPvAnyNetwork, SecretStr

from stream.config.components import Component, Section


class EncoderSettings(Component):
    """Which encoder turns events into vectors.

    Parameters
    ----------
    name
        `hashing` for text, `dense` for features and vectors, `transformer` for text, `aligned` for another
        one in place of a former one. An encoder that does not fit the events turns each of them into a dead
        letter that says what is missing.
    parameters
        The encoder's own, by name.
    """

    name: str = "hashing"

    @property
    def original(self) -> EncoderSettings:
        """The encoder whose vectors a model is made from: of an aligned one the former, else this one."""
        former = self.parameters.get("former")
        if self.name != "aligned" or not isinstance(former, dict):
            return self
        return EncoderSettings.model_validate(former).original


class LearnerSettings(Component):
    """Which learner labels the events.

    Parameters
    ----------
    name
        Its name in `learners.LEARNERS`.
    parameters
        The learner's own, by name.
    """

    name: str = "ihomer"


class FeedbackSettings(Section):
    """How long events are kept for labels that come later; see `stream.pipeline.FeedbackStore`.

    Parameters
    ----------
    events
        Most events (and feedback that waits for its event) kept per partition; 0 keeps none.
    max_bytes
        Approximate memory limit for them, per partition. Snapshots grow by as much.
    horizon_s
        How long they are kept, in seconds of the stream's own time. Later labels are counted but not
        learned.
    """

    events: int = Field(default=10_000, ge=0)
    max_bytes: int = Field(default=64 * 2**20, ge=0)
    horizon_s: float = Field(default=604_800.0, gt=0.0)


class LimitSettings(Section):
    """Limits on the cost of one record; beyond one it is a dead letter, reason `limit`.

    Parameters
    ----------
    levels
        Most levels of a label that is a path, such as `topics/energy/crude`, which has three.
    labels
        Most labels that a record names, including all their ancestors. Every new label costs memory for
        good; an event of 1,000 labels with 126 levels each would make 126,000.
    """

    levels: int = Field(default=32, ge=1, le=128)
    labels: int = Field(default=4_000, ge=1)


class ConfidenceSettings(Section):
    """The confidence that is reported with predictions; see `learners.uncertainty.Conformal`.

    Parameters
    ----------
    enabled
        Whether predictions carry their confidence. Predicted labels and models are the same either way.
    coverage
        Wanted share of events whose true labels are all in the label set given with the prediction. The
        closer to 1, the larger the sets.
    error
        Wanted share of wrong label sets among the predictions that are not rejected. Where the learner is
        never that good, nearly everything is rejected.
    """

    enabled: bool = True
    coverage: float = Field(default=0.9, ge=0.01, le=0.999)
    error: float = Field(default=0.1, ge=0.0, le=1.0)


class DriftSettings(Section):
    """Drift monitoring; see `drift.monitors.Monitors`.

    Parameters
    ----------
    monitors
        Names of the monitors that run; None (the default) runs all.
    detector, parameters
        Detector of the error monitor: its name in `drift.detectors`, and its parameters by name.
    budget
        False alarms per 100,000 messages that each monitor of many labels, pairs or clusters may raise.
        Smaller is quieter and slower; a tenth requires about 15 % more evidence.
    """

    monitors: list[str] | None = None
    detector: str = "adwin"
    parameters: dict[str, float | str | bool] = Field(default_factory=dict)
    budget: float = Field(default=1.0, gt=0.0)


class ModelSettings(Section):
    """Which model answers an event.

    Parameters
    ----------
    scope
        "partition": each partition of the events has its own model, which is exact (a prediction has learned
        from all events before it) and knows only its own events; for one partition, or where the key
        determines the labels. "stream": all partitions share one model, which lags slightly behind; for
        several partitions of one kind of events. See README, "One model for a stream".
    lag
        Most lessons that all workers of scope "stream" together write while one of them answers a batch,
        judged by its latest batches. Fewer keeps the model closer to the newest lessons, at the cost of more
        transactions, each 4 to 20 ms per partition: so many labelled events are answered in that time.
    """

    scope: Literal["partition", "stream"] = "partition"
    lag: int = Field(default=64, ge=1, le=100_000)


class WorkerSettings(Section):
    """How a worker consumes its share of the stream.

    Parameters
    ----------
    group
        Consumer group that shares the partitions; None (the default) is `ithaca-<stream>`. Two services
        that read the same stream independently need two groups.
    instance
        Static name of this member (`group.instance.id`): after a crash, a restart within the session timeout
        has its partitions back at once. Of two live workers with one name, the later takes the place.
    latency_ms
        How long a batch may take from poll to commit; a second where many records wait. Too low and commits
        (4 to 20 ms each) reduce the throughput; too high and predictions arrive late under load.
    largest_batch
        Most records in one batch, whatever the latency; limits memory and what is repeated after a crash.
    commit_timeout_s
        A transaction that takes longer counts as failed, and its outcome is checked. At most 8: a stop may
        take five seconds more.
    session_timeout_ms
        Silence after which the group assigns this worker's partitions to others: so long a worker that was
        killed is missed. Too short, and a pause of the machine costs a rebalance; nothing is lost.
    """

    group: str | None = Field(default=None, min_length=1)
    instance: str | None = Field(default=None, min_length=1)
    latency_ms: float = Field(default=100.0, ge=5.0, le=60_000.0)
    largest_batch: int = Field(default=2_000, ge=1, le=100_000)
    commit_timeout_s: float = Field(default=5.0, gt=0.0, le=8.0)
    session_timeout_ms: int = Field(default=10_000, ge=6_000)


class SnapshotSettings(Section):
    """How a worker saves what it has learned.

    Parameters
    ----------
    location
        Folder or fsspec URL (`s3://`, `gs://`, with the package that fsspec names for it). The default is
        on this machine: if workers run on several, use a location that all of them reach, otherwise a
        partition that moves is relearned from its first event.
    every_s, every_records
        A partition's snapshot is due after so many seconds or, if given, so many offsets, provided anything
        was learned. Too rarely: a crash costs relearning that much, and those events must still be on the
        broker. Too often: each copies the state in memory and writes it.
    keep
        Snapshots kept per partition. With 1, a damaged one means relearning everything.
    allow_pickle
        Whether wrapped river models, which can only be pickled, may be written and loaded. Loading a
        pickle executes code: whoever can write to `location` then rules this service.
    rebuild
        Whether to go on if events that must be relearned are gone from the broker. The model then
        never learned them, which a drift event reports. Set it for one start, not permanently.
    """

    location: str = Field(default_factory=lambda: str(state_home() / "snapshots"), min_length=1)
    every_s: float = Field(default=60.0, gt=0.0)
    every_records: int | None = Field(default=None, ge=1)
    keep: int = Field(default=3, ge=1)
    allow_pickle: bool = False
    rebuild: bool = False


def state_home() -> Path:
    """Return the folder for data that outlives a process, by default `~/.local/state/ithaca`.

    Where the user has no home, as in a container with an arbitrary uid, it is in the temporary folder.
    """
    try:
        home = Path.home() / ".local" / "state"
    except RuntimeError:
        home = Path(tempfile.gettempdir())
    return Path(os.environ.get("XDG_STATE_HOME") or home) / "ithaca"


class HttpSettings(Section):
    """Where metrics and health checks are served.

    Parameters
    ----------
    host, port
        Address to listen on; port 0 takes any free one. Beyond loopback, everyone who reaches the address
        can read the figures.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65_535)


class DashboardSettings(Section):
    """Where the dashboard is served, and who has access.

    Parameters
    ----------
    host, port
        Address to listen on; port 0 takes any free one.
    token
        Secret that visitors must know. Required unless `host` is a loopback address: labels, ids and scores
        are on a network then. It is sent unencrypted unless TLS is put in front of the dashboard.
    hosts
        Host names that a reverse proxy on this machine passes on; requests by other names are refused where
        `host` is a loopback address. Name none that somebody else could make resolve to this machine.
    proxies
        Addresses or networks of reverse proxies that may say, in `X-Forwarded-For`, whose request they pass
        on: wrong tokens are counted by that address. Without them all visitors of a proxy share its tries.
        Name only proxies that set or extend that header: whoever else is believed may try without end.
    characters
        Most characters of each event's text or features that the page keeps and shows; 0 keeps and shows
        none, where those who see the page must not read the events.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=9480, ge=0, le=65_535)
    token: SecretStr | None = Field(default=None, min_length=16)
    hosts: list[str] = Field(default=[])
    proxies: list[IPvAnyNetwork] = Field(default=[])
    characters: int = Field(default=400, ge=0)


class LogSettings(Section):
    """How much is logged, and in which format.

    Parameters
    ----------
    level
        Least severe level that is logged.
    format
        Lines of text for people, or of JSON for machines.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
