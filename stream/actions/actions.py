"""The actions, each a few records on the stream's topics."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from stream.config import Settings
from stream.kafka import History, ensure_topics, topics_there, write_together
from stream.records import (
    FEEDBACK_TYPE,
    BadEventError,
    Control,
    Headers,
    Limits,
    Output,
    Record,
    TriageRecord,
    control_output,
    decode,
    decode_control,
    encode,
    resent_key,
    resent_output,
    topic,
    triage_output,
)
from stream.taxonomy import NoTaxonomyError, refusals, refusals_in_words, taxonomies


class ActionError(ValueError):
    """Something that cannot be done: says what is wrong, what was got, and the next step."""


class Letter(NamedTuple):
    """A dead letter as the record that it was: what it goes back to, and what was in it."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Actions:
    """Writes what people decide to the topics of one stream.

    Parameters
    ----------
    settings
        The stream, its broker, its snapshots, and what its events may be. They must be those of the workers:
        with others, a mended event may be refused that they would take, or the other way round.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits(**settings.limits.model_dump())

    def decide(self, decision: TriageRecord) -> None:
        """Write a decision; it counts in place of an earlier one about the same thing.

        Raises
        ------
        BrokerError
            When the broker refuses; so for the others.
        """
        self._write([triage_output(decision.key, decision)])

    def withdraw(self, key: bytes) -> None:
        """Take a decision back.

        Raises
        ------
        ActionError
            When it is about a dead letter: that something was sent again stays true.
        """
        if key.startswith(b"dead-letter/"):
            raise ActionError("That a dead letter was sent again cannot be taken back.")
        self._write([triage_output(key, None)])

    def letter(self, partition: int, offset: int) -> Letter:
        """Return a dead letter as the record that it was, by its place on the dead letters' topic.

        Raises
        ------
        ActionError
            When there is none at that place any more.
        """
        record = self._dead_letter(partition, offset)
        was = resent_output(record, record.value)
        return Letter(topic(self._settings.stream, was.kind), partition, was.key, was.value, was.headers[:-1])

    def resend(
        self,
        partition: int,
        offset: int,
        value: bytes | None,
        by: str,
        reason: str,
        now: datetime.datetime,
    ) -> None:
        """Send a dead letter to where it came from, with its key and headers, and keep that it was sent.

        Record and decision are one transaction, and of two that send the same one only the first does.

        Parameters
        ----------
        partition, offset
            Its place on the dead letters' topic.
        value
            Its value, mended; None for what it was.
        by, reason, now
            Who sends it, why and when.

        Raises
        ------
        ActionError
            When there is none, it was sent before, or it would be a dead letter again at once.
        """
        record = self._dead_letter(partition, offset)
        again = resent_output(record, record.value if value is None else value)
        self._check(again)
        key = resent_key(self._settings.stream, partition, offset)
        name = key.partition("/")[2]
        decision = TriageRecord(
            what="dead-letter", name=name, decision="resent", by=by, reason=reason, at=now
        )

        def outputs() -> Iterable[Output]:
            before = self._decided(decision.key)
            if before is not None:
                raise ActionError(
                    f"It was sent again by {before.by} at {before.at:%Y-%m-%d %H:%M} UTC already. Where that "
                    "became a dead letter too, mend that one."
                )
            return [again, triage_output(decision.key, decision)]

        self._ensure_topic()
        write_together(self._settings.kafka, self._settings.stream, outputs)

    def accept(self, proposed: Control) -> None:
        """Write an operation to the control topic, unless every partition's taxonomy would refuse it.

        Raises
        ------
        ActionError
            When they would, it is no operation, or no snapshot shows a taxonomy.
        """
        try:
            decode_control(encode(proposed))
            grown = taxonomies(self._settings)
        except (BadEventError, NoTaxonomyError) as error:
            raise ActionError(str(error)) from error
        refused = refusals(grown, [proposed], self._limits)
        if len(refused[0]) == len(grown):
            raise ActionError(" ".join(refusals_in_words([proposed], refused, len(grown))))
        write_together(self._settings.kafka, self._settings.stream, lambda: [control_output(proposed)])

    def _write(self, outputs: list[Output]) -> None:
        self._ensure_topic()
        write_together(self._settings.kafka, self._settings.stream, lambda: outputs)

    def _ensure_topic(self) -> None:
        # The worker of an earlier version has not made it.
        kafka, stream = self._settings.kafka, self._settings.stream
        if topic(stream, "triage") not in topics_there(kafka):
            ensure_topics(kafka, stream)

    def _dead_letter(self, partition: int, offset: int) -> Record:
        name = topic(self._settings.stream, "dlq")
        history = History(self._settings.kafka, name, offset, offset + 1)
        with contextlib.closing(history):
            if partition in history.ranges:
                for record, *_ in history.batches(partition, 1):
                    if dict(record.headers).get("ce_id", b"").count(b"/") < 3:
                        raise ActionError(f"{name}/{partition}/{offset} is none that a worker wrote.")
                    return record
        raise ActionError(
            f"There is no dead letter at {name}/{partition}/{offset} any more: the topic's retention has "
            "removed it. Send the event from its source."
        )

    def _decided(self, key: bytes) -> TriageRecord | None:
        """Return the decision under a key, if there is one."""
        history = History(self._settings.kafka, topic(self._settings.stream, "triage"))
        with contextlib.closing(history):
            latest = {record.key: record.value for record in history.records()}
        value = latest.get(key)
        return msgspec.json.decode(value, type=TriageRecord) if value else None

    def _check(self, again: Output) -> None:
        value = again.value or b""
        try:
            if again.kind == "control":
                self._limits.check(decode_control(value))
                return
            feedback = again.kind == "feedback"
            headers = (*again.headers, ("ce_type", FEEDBACK_TYPE)) if feedback else again.headers
            message = decode(again.value, headers, None if feedback else self._settings.envelope)
            self._limits.check(message)
        except BadEventError as bad:
            raise ActionError(f"It would be a dead letter again: {bad.detail}. Mend the value.") from bad
