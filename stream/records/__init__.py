"""The records on the topics: their schema, decoding, and what is written."""

from stream.records.control import DETECTOR, apply_operation, in_words, operation
from stream.records.decoding import CONTROL_TYPE, FEEDBACK_TYPE, check_size, decode, decode_control
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.lessons import (
    LessonRecord,
    OperationRecord,
    PredictedRecord,
    Shared,
    Source,
    VectorRecord,
    decode_lesson,
)
from stream.records.limits import DEFAULT_LIMITS, Limits
from stream.records.outputs import (
    dead_letter_output,
    drift_output,
    lesson_output,
    prediction_output,
    statistics_outputs,
)
from stream.records.predictions import (
    LISTED,
    EventOutcome,
    ModelVersion,
    Origin,
    PredictionRecord,
    prediction_record,
)
from stream.records.schema import (
    REASONS,
    UNDECODABLE,
    BadEventError,
    Control,
    Event,
    Feedback,
    Headers,
    Input,
    Labelled,
    Output,
    Record,
    encode,
)
from stream.records.topics import KINDS, topic

__all__ = [
    "CONTROL_TYPE",
    "DEFAULT_LIMITS",
    "DETECTOR",
    "FEEDBACK_TYPE",
    "KINDS",
    "LISTED",
    "REASONS",
    "UNDECODABLE",
    "BadEventError",
    "Control",
    "DriftRecord",
    "Event",
    "EventOutcome",
    "Feedback",
    "Headers",
    "Input",
    "LabelRecord",
    "Labelled",
    "LessonRecord",
    "Limits",
    "ModelVersion",
    "OperationRecord",
    "Origin",
    "Output",
    "PartitionRecord",
    "PredictedRecord",
    "PredictionRecord",
    "Record",
    "Shared",
    "Source",
    "VectorRecord",
    "apply_operation",
    "check_size",
    "dead_letter_output",
    "decode",
    "decode_control",
    "decode_lesson",
    "drift_output",
    "encode",
    "in_words",
    "lesson_output",
    "operation",
    "prediction_output",
    "prediction_record",
    "statistics_outputs",
    "topic",
]
