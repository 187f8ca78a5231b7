"""The records on the topics: their schema, decoding, and what is written."""

from stream.records.control import DETECTOR, apply_operation, in_words, operation
from stream.records.decoding import CONTROL_TYPE, FEEDBACK_TYPE, check_size, decode, decode_control
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.outputs import dead_letter, drift_event, label_statistics, prediction
from stream.records.predictions import Answer, Origin, prediction_record
from stream.records.schema import (
    LISTED,
    REASONS,
    BadEventError,
    Control,
    DriftRecord,
    Event,
    Feedback,
    Headers,
    Input,
    Labelled,
    Model,
    Output,
    PredictionRecord,
    Record,
    encode,
)
from stream.records.topics import KINDS, topic

__all__ = [
    "CONTROL_TYPE",
    "DETECTOR",
    "FEEDBACK_TYPE",
    "KINDS",
    "LISTED",
    "REASONS",
    "Answer",
    "BadEventError",
    "Control",
    "DriftRecord",
    "Event",
    "Feedback",
    "Headers",
    "Input",
    "LabelRecord",
    "Labelled",
    "Model",
    "Origin",
    "Output",
    "PartitionRecord",
    "PredictionRecord",
    "Record",
    "apply_operation",
    "check_size",
    "dead_letter",
    "decode",
    "decode_control",
    "drift_event",
    "encode",
    "in_words",
    "label_statistics",
    "operation",
    "prediction",
    "prediction_record",
    "topic",
]
