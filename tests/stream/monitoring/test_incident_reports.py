"""Incidents as a person wants them told: what changed, since when, at what cost, and whether it is over."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stream.dashboard.drift_views import unattended
from stream.monitoring.incident_reports import IncidentReport, findings, reports
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.monitoring.sentences import _TOLD, sentence
from stream.monitoring.stream_state import StreamState
from stream.records.drift_events import DriftRecord
from stream.records.schema import Event
from tests.stream.monitoring.streams import drift, fed, planted, prediction

LENGTH, DRIFTS = 4_000, 2_000
RECOVERS = 900


def alarm(
    detector: str, offset: int, since: int, subject: str = "stream", *, scope: str = "error", **fields: object
) -> OutputRecord:
    """Return a drift event that was raised at an offset."""
    plain: dict[str, Any] = {"statistic": 1.0, "threshold": 0.5, "window": since, "since": since}
    return drift(offset, detector, subject, scope, **plain | fields)


def drifting(*alarms: OutputRecord, recovers: int = RECOVERS, length: int = LENGTH) -> StreamState:
    """Return a stream on which "a" and "b" are confused for a while from the drift on, with other words."""
    state = StreamState("m")
    for n in range(length):
        wrong = DRIFTS <= n < DRIFTS + recovers and n % 2
        true = "ab"[n // 2 % 2] if n % 3 else "c"
        said = {"a": "b", "b": "a"}.get(true, true) if wrong else true
        word = "parcel" if n < DRIFTS else "shipment"
        state.take(InputRecord(0, n, float(n), Event(id=f"e{n}", ts=n, text=f"The {word} {true} {n}")))
        state.take(prediction(n, [said], [true], at=float(n)))
        for each in alarms:
            if each.offset == n:
                state.take(each)
    return state


def only(state: StreamState) -> IncidentReport:
    """Return the one incident."""
    (found,) = reports(state)
    return found


ERRORS = alarm("subset-error/adwin", 2_050, 50, before=0.01, after=0.34)
FALLS = alarm("label-fall/rates", 2_400, 390, "x", scope="prior", before=0.12, after=0.04)


def test_an_incident_tells_what_changed_since_when_at_what_cost_and_whether_it_is_over() -> None:
    """From alarms of two monitors and the messages around their common beginning."""
    found = only(drifting(ERRORS, FALLS))
    assert (found.severity, found.offset, found.time, len(found.events)) == ("serious", 2_000, 2_000.0, 2)
    assert found.title == "Wrong label sets rose from 1.0 % to 34.0 %"
    assert found.also == ["“x” fell from 12.0 % to 4.0 % of the messages"]
    assert found.effect is not None
    assert found.effect.before == 1.0
    assert found.effect.lowest < 0.7
    assert found.effect.over_after == 1_250  # The first window of 250 that is right throughout ends there.
    assert found.over
    assert {label for label, _, _ in found.labels} == {"a", "b"}
    assert {word for word, _, _ in found.words} == {"parcel", "shipment"}
    assert found.action == "The learner went on learning; no cluster changed"


def test_an_incident_that_goes_on_is_not_over() -> None:
    """As long as the scores are below those of before."""
    found = only(drifting(ERRORS, recovers=LENGTH))
    assert found.effect is not None
    assert (found.over, found.effect.over_after) == (False, None)


def test_a_change_without_harm_is_over_at_once_and_minor() -> None:
    """A single label's rate."""
    found = only(drifting(FALLS, recovers=0))
    assert found.effect is not None
    assert (found.severity, found.effect.over_after, found.over) == ("minor", 0, True)


def test_without_messages_or_truth_the_cost_is_not_known() -> None:
    """And nothing is made up."""
    state = fed("m", [ERRORS])
    assert (only(state).effect, only(state).over, only(state).labels) == (None, None, [])


def test_what_the_learner_did_is_told_as_its_action() -> None:
    """By kind of change, and with the labels that moved."""
    moved = [
        alarm("clusters", 2_100 + n, 0, "4", scope="structure", action=action, labels=labels)
        for n, (action, labels) in enumerate([("split", ["a", "b"]), ("split", ["c"]), ("move", ["b"])])
    ]
    told = only(drifting(ERRORS, *moved)).action
    assert told == "The learner restructured its label clusters: 1 move, 2 splits, of “a”, “b”, “c”"


def test_a_pattern_that_was_seen_before_is_said() -> None:
    """Day and night: the same labels change again and again."""
    state = StreamState("m")
    for turn in range(4):
        for name in ("day", "night", "noon"):
            state.take(alarm("label-rise/rates", 3_000 * turn + 100, 50, name, scope="prior"))
    assert [(each.seen_before, each.severity) for each in reports(state)] == [
        (3, "minor"), (2, "minor"), (1, "notable"), (0, "notable"),
    ]  # fmt: skip


def seasons(*wrong: int) -> StreamState:
    """Return a stream of turns of 1,000 messages; in each so many of "a" and "b" are confused at first."""
    state = StreamState("m")
    for n in range(1_000 * (len(wrong) + 1)):
        turn, place = divmod(n, 1_000)
        confused = turn and n % 3 and place < wrong[turn - 1]
        true = "ab"[n // 2 % 2] if n % 3 else "c"
        state.take(prediction(n, ["c"] if confused else [true], [true], at=float(n)))
        if turn and place == 60:
            state.take(alarm("subset-error/adwin", n, 60))
            for name in "ab":
                state.take(alarm("label-rise/rates", n, 60, name, scope="prior"))
    return state


def test_a_season_is_said_unless_it_does_more_harm_than_before() -> None:
    """Its fall is the usual one; a worse one is no season."""
    told = reports(seasons(150, 160, 140, 170, 1_000))
    assert [(each.severity, each.recurs) for each in told[::-1]] == [
        ("serious", False),
        ("serious", False),
        ("minor", True),
        ("minor", True),
        ("serious", False),
    ]
    assert unattended(told, []) == [told[0]]


def test_a_change_that_follows_does_not_hide_that_one_is_over() -> None:
    """The scores recover after another incident has begun, which is not why they had fallen."""
    later = alarm("label-new/rates", DRIFTS + 800, 5, "y", scope="prior")
    new, fell = reports(drifting(ERRORS, later))
    assert fell.effect is not None
    assert (fell.over, fell.effect.over_after) == (True, 1_250)
    assert new.title.startswith("“y” is new")


def test_one_change_on_several_partitions_is_one_incident() -> None:
    """Told as the partition where it matters more tells it."""
    state = drifting(ERRORS)
    for n in range(100):
        state.take(prediction(n, ["a"], ["a"], at=2_000.0 + n, partition=1))
    state.take(alarm("label-fall/rates", 90, 40, "x", scope="prior")._replace(partition=1, time=2_090.0))
    found = only(state)
    assert (found.partitions, found.severity, len(found.events)) == ([0, 1], "serious", 2)


def test_where_partitions_share_a_model_alarms_are_placed_by_their_time() -> None:
    """Their positions are on the lessons, which say nothing about the events'."""
    state = drifting(ERRORS._replace(offset=9, partition=0, time=2_050.0, shared=True))
    found = only(drifting(ERRORS))
    state.take(ERRORS._replace(offset=77_777, shared=True))
    (shared,) = reports(state)
    assert (shared.offset, shared.title) == (found.offset, found.title)


def test_findings_are_those_that_hold() -> None:
    """The latest word on each pair counts."""
    said = [("a | b", "reported"), ("a | c", "reported"), ("a | b", "withdrawn")]
    state = fed(
        "m",
        [
            alarm("exclusive/chernoff", 100 + n, 0, pair, scope="relation", action=action)
            for n, (pair, action) in enumerate(said)
        ],
    )
    assert [sentence(each.record) for each in findings(state)] == ["“a” and “c” never meet"]
    assert reports(state) == []


def test_a_fall_long_after_the_alarms_is_another_change() -> None:
    """Within thousands of messages there is always a worse window; it is not this incident's."""
    found = only(drifting(alarm("label-fall/rates", 500, 100, "x", scope="prior")))
    assert found.effect is not None
    assert (found.severity, found.effect.over_after, found.over) == ("minor", 0, True)


def test_errors_of_a_few_messages_are_not_serious_once_that_is_known() -> None:
    """Micro-F1 fell by less than the alert wants; until a window of messages has come, nobody knows."""
    assert only(drifting(ERRORS, length=2_100)).severity == "serious"
    found = only(drifting(ERRORS, recovers=60))
    assert found.effect is not None
    assert 0.03 < found.effect.before - found.effect.lowest < 0.1
    assert found.severity == "notable"


def test_reports_are_made_anew_when_messages_come() -> None:
    """What was kept of them is used only as long as it holds."""
    early = drifting(ERRORS, length=2_300)
    assert only(early).over is False
    for n in range(2_300, LENGTH):
        early.take(prediction(n, ["a"], ["a"], at=float(n)))
    assert only(early).over


def test_the_help_desks_changes_are_found_and_nothing_else() -> None:
    """The drift at 60 % hits two labels and passes; a label is new at 30 %; one fades."""
    told = reports(fed("m", planted()))
    found = {each.severity: each for each in told[::-1]}
    serious = found["serious"]
    assert 3_450 <= serious.offset <= 3_700
    assert {label for label, _, _ in serious.labels} == {"delivery", "returns"}
    assert serious.over
    assert "“voice-assistant” is new" in found["notable"].title
    assert len(told) <= 5


def test_the_share_of_labelled_messages_is_a_share() -> None:
    """The event counts messages without labels for each one with them: three, then one."""
    read = alarm("labelled/adwin", 500, 90, scope="feedback", before=3.0, after=1.0)
    told = only(fed("m", [read])).title
    assert told == "The share of messages with labels rose from 25.0 % to 50.0 %"


@pytest.mark.parametrize("detector", _TOLD)
def test_every_detector_has_a_sentence(detector: str) -> None:
    """With figures and without, upwards and downwards."""
    plain = DriftRecord(
        detector=f"{detector}/x",
        scope="prior",
        subject="s",
        statistic=2.0,
        threshold=1.0,
        window=9,
        action="",
    )
    figures = msgspec.structs.replace(plain, before=0.25, after=0.5)
    for record in (plain, figures, msgspec.structs.replace(figures, statistic=-2.0)):
        assert sentence(record)
        assert "changed for" not in sentence(record)
