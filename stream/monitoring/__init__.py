"""What is known of a stream from its topics: the state that the dashboard shows.

`feed` reads the topics, `stream_state` aggregates their records (the latest predictions and the labels that
came for them in `recent_predictions`, what their events say in `contents`, the labels in `label_figures`,
sums over time in `series`), and `vitals` asks for workers and snapshots. `health` says how the stream does,
`incident_reports` what changed, in words, with its `effects` on scores and labels, and `triage` what people
decided about it.
"""

from stream.monitoring.contents import words
from stream.monitoring.effects import micro_f1
from stream.monitoring.feed import Feed, read_file
from stream.monitoring.health import RECENT, Check, counted, duration, health, quality, recent_scores, worst
from stream.monitoring.incident_reports import (
    BEFORE,
    LONGEST,
    IncidentReport,
    findings,
    reports,
    restructurings,
)
from stream.monitoring.label_figures import SILENT, LabelFigures
from stream.monitoring.output_records import (
    InputRecord,
    NotOursError,
    OutputRecord,
    TriageEntry,
    prediction_decoder,
)
from stream.monitoring.recent_predictions import RecentPrediction
from stream.monitoring.sentences import sentence
from stream.monitoring.series import AT, Buckets, scores
from stream.monitoring.stream_state import (
    DeadLetter,
    DriftEvent,
    MonitorLevels,
    PartitionState,
    RunScores,
    StreamState,
)
from stream.monitoring.triage import decision_on
from stream.monitoring.vitals import Vitals, VitalsWatch

__all__ = [
    "AT",
    "BEFORE",
    "LONGEST",
    "RECENT",
    "SILENT",
    "Buckets",
    "Check",
    "DeadLetter",
    "DriftEvent",
    "Feed",
    "IncidentReport",
    "InputRecord",
    "LabelFigures",
    "MonitorLevels",
    "NotOursError",
    "OutputRecord",
    "PartitionState",
    "RecentPrediction",
    "RunScores",
    "StreamState",
    "TriageEntry",
    "Vitals",
    "VitalsWatch",
    "counted",
    "decision_on",
    "duration",
    "findings",
    "health",
    "micro_f1",
    "prediction_decoder",
    "quality",
    "read_file",
    "recent_scores",
    "reports",
    "restructurings",
    "scores",
    "sentence",
    "words",
    "worst",
]
