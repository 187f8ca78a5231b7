"""The records on the lessons topic: all that changes a model which several partitions share, in one order.

A lesson holds everything that learning it takes: vector, labels, and what had been predicted. Whoever reads
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
        A bit for each place, set where a number is. Base64 in JSON, as all bytes.
    values
        These numbers, float32, little-endian.
    indices, sparse
        The sparse part: places, int32, and numbers, float32, both little-endian; empty where there is none.
    """

    size: int
    filled: bytes
    values: bytes
    indices: bytes = b""
    sparse: bytes = b""


class PredictedRecord(msgspec.Struct, frozen=True):
    """What had been predicted, to be scored and learned from.

    Parameters
    ----------
    labels
        The predicted labels.
    scored, scores
        The likeliest labels, and their probabilities.
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
        Where the record stands that made its labels known: the event, or feedback.
    labels, negative
        What is known of its labels; `negative` None: every other label.
    vector
        What it was predicted from.
    predicted
        What was predicted; None where it has been scored by an earlier lesson.
    delay
        Events of its partition answered between it and its labels.
    unlabelled
        Events without labels that its partition answered since its last lesson.
    fingerprint
        Stands for all records that this comes from.
    text
        The event's text, for whom an alarm is explained to; None where it was not kept.
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
    """An operation on the taxonomy, as it is written for every replica to carry out; see `Control`."""

    source: Position
    operation: str
    label: str
    to: list[str]
    fingerprint: bytes


class StrikeRecord(msgspec.Struct, frozen=True, kw_only=True, tag="strike", tag_field="kind"):
    """The lesson at an offset is left out by every replica: the learner threw at it, as `detail` says."""

    offset: int
    detail: str


class CheckpointRecord(msgspec.Struct, frozen=True, kw_only=True, tag="checkpoint", tag_field="kind"):
    """The digest of the model's state at the checkpoint before this one; replicas compare it with their own.

    Parameters
    ----------
    configuration
        Digest of the settings that determine the owner's model.
    at
        Offset of the checkpoint before; -1 where this is the first.
    digest
        Of the owner's model there.
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
        Name of the run, for people.
    """

    configuration: str
    run: str


Shared = LessonRecord | OperationRecord | StrikeRecord | CheckpointRecord | EpochRecord
"""What a record of the lessons topic holds."""

_decoder: msgspec.json.Decoder[Shared] = msgspec.json.Decoder(Shared)


def decode_lesson(value: bytes | None) -> Shared:
    """Return what a record of the lessons topic holds.

    Raises
    ------
    BadEventError
        When it holds something else: nobody but workers of the stream writes there.
    """
    try:
        return _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEventError("schema", f"no lesson: {error}") from error
