"""The records on the lessons topic: all that changes a model which several partitions share, in one order.

A lesson holds everything needed to learn from it: vector, labels, and the prediction. A reader of
the topic can learn the model, and needs neither the events nor the encoder.
"""

from __future__ import annotations

import msgspec

from stream.records.schema import BadEventError, Position


class VectorRecord(msgspec.Struct, frozen=True):
    """A vector without its zeros, and its sparse part.

    Parameters
    ----------
    size
        Its length, d.
    filled
        A bit for each position, set where it is not zero. Base64 in JSON, as all bytes.
    values
        These numbers, float32, little-endian.
    indices, sparse
        The sparse part: positions, int32, and numbers, float32, both little-endian; empty if there is none.
    """

    size: int
    filled: bytes
    values: bytes
    indices: bytes = b""
    sparse: bytes = b""


class PredictedRecord(msgspec.Struct, frozen=True):
    """The prediction, to be scored and learned from.

    Parameters
    ----------
    labels
        The predicted labels.
    scored, scores
        The most probable labels, and their probabilities.
    set_size, reject, sureness
        How sure it was: how many of the likeliest the conformal set held (-1: nothing was said), whether it
        was rejected, and what that was decided by.
    """

    labels: list[str]
    scored: list[str]
    scores: list[float]
    set_size: int
    reject: bool
    sureness: float


class LessonRecord(msgspec.Struct, frozen=True, kw_only=True, tag="lesson", tag_field="kind"):
    """One event whose labels are known, as it is written for every replica to learn.

    Parameters
    ----------
    source
        Position of the record that made its labels known: the event, or feedback.
    labels, negative
        The known labels; `negative` None means every other label.
    vector
        The vector that it was predicted from.
    predicted
        The prediction; None where an earlier lesson has scored it.
    delay
        Events of its partition answered since it and before its labels came.
    unlabelled
        Events without labels that its partition answered since its last lesson.
    fingerprint
        Hash chain over all records that it comes from.
    text
        The event's text, to explain alarms with; None where it was not kept.
    """

    source: Position
    labels: list[str]
    negative: list[str] | None
    vector: VectorRecord
    predicted: PredictedRecord | None
    delay: int
    unlabelled: int
    fingerprint: bytes
    text: str | None = None


class OperationRecord(msgspec.Struct, frozen=True, kw_only=True, tag="operation", tag_field="kind"):
    """A taxonomy operation for every replica to apply; see `Control`."""

    source: Position
    operation: str
    label: str
    to: list[str]
    fingerprint: bytes


class StrikeRecord(msgspec.Struct, frozen=True, kw_only=True, tag="strike", tag_field="kind"):
    """The lesson at an offset is skipped by every replica: the learner failed at it, as `detail` says."""

    offset: int
    detail: str


class CheckpointRecord(msgspec.Struct, frozen=True, kw_only=True, tag="checkpoint", tag_field="kind"):
    """The digest of the model's state at the previous checkpoint; replicas compare it with their own.

    Parameters
    ----------
    configuration
        Digest of the settings that determine the owner's model.
    at
        Offset of the previous checkpoint; -1 where this is the first.
    digest
        Digest of the owner's model there.
    """

    configuration: str
    at: int
    digest: str


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True, tag="epoch", tag_field="kind"):
    """From here on workers with these settings answer; those with others stand by.

    Parameters
    ----------
    configuration
        Digest of the settings that determine what is learned.
    run
        Name of the run, for the user.
    """

    configuration: str
    run: str


Shared = LessonRecord | OperationRecord | StrikeRecord | CheckpointRecord | EpochRecord
"""The content of a record on the lessons topic."""

_decoder: msgspec.json.Decoder[Shared] = msgspec.json.Decoder(Shared)


def decode_lesson(value: bytes | None) -> Shared:
    """Return the content of a record on the lessons topic.

    Raises
    ------
    BadEventError
        When it has another content: only workers of the stream write there.
    """
    try:
        return _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEventError("schema", f"no lesson: {error}") from error
