"""Incidents as a person wants them told: what changed, since when, at what cost, and whether it is over."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stream.dashboard.drift_views import unattended
from stream.monitoring.incident_reports import IncidentReport, findings, reports, restructurings
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.monitoring.sentences import _TOLD, sentence
from stream.monitoring.stream_state import StreamState
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord
from stream.records.schema import Event, encode
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


def label_record(label: str, cluster: int) -> LabelRecord:
    """Return figures of a label."""
    return LabelRecord(
        label=label, count=9, predicted=9, hits=9, f1=1.0, first_seen=0, last_seen=9, rate=0.3, usual=0.3,
        cluster=cluster, updates=9,
    )  # fmt: skip


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


def split(offset: int, *labels: str) -> OutputRecord:
    """Return the event of a split."""
    return alarm("clusters", offset, 0, "4", scope="structure", action="split", labels=list(labels))


def test_what_the_learner_does_until_the_scores_are_back_is_the_incidents() -> None:
    """Long after its latest alarm, too; once it is over, only what moves a label that was hit is."""
    splits = [split(1_000, "a"), split(3_100, "d"), split(3_300, "c"), split(3_500, "c", "b")]
    state = drifting(ERRORS, *splits)
    found = only(state)
    assert found.effect is not None
    assert found.offset + (found.effect.over_after or 0) == 3_250
    assert found.action == "The learner restructured its label clusters: 2 splits, of “d”, “c”, “b”"
    assert [each.offset for each in found.events] == [2_050, 3_100, 3_500]
    assert [each.offset for each in restructurings(state, [found])] == [1_000, 3_300]


def test_what_the_learner_does_while_the_scores_stay_low_is_followed_for_so_long() -> None:
    """And not for ever."""
    state = drifting(ERRORS, split(6_900, "d"), split(7_100, "b"), recovers=6_000, length=8_000)
    assert only(state).action.endswith("1 split, of “d”")


def test_what_the_learner_does_during_two_incidents_is_the_latest_ones() -> None:
    """It cannot be both's."""
    later = alarm("subset-error/adwin", 2_650, 60)
    new, old = reports(drifting(ERRORS, later, split(3_100, "a"), recovers=LENGTH))
    assert [len(each.events) for each in (old, new)] == [1, 2]


def test_the_scores_before_are_of_before_the_earliest_beginning() -> None:
    """And those after from where the change that is told began: detectors differ about when."""
    early = alarm("cluster-error/means", 2_050, 300, "0")
    late = alarm("cluster-error/means", 2_052, 2, "7")
    for others in ([early], [late], [early, late]):
        found = only(drifting(*others, ERRORS._replace(offset=2_060)))
        assert (found.offset, found.noticed) == (2_010, 2_060)
        assert found.quiet == (1_750 if early in others else 2_010)
        assert found.effect is not None
    wrong_soon = drifting(
        alarm("subset-error/adwin", 2_200, 10), alarm("cluster-error/means", 2_210, 210, "0")
    )
    found = only(wrong_soon)
    assert (found.quiet, found.offset) == (2_000, 2_190)
    assert found.effect is not None
    assert found.effect.before == 1.0


def test_an_echo_does_not_tell_where_it_began() -> None:
    """Rare labels' alarms come from beginnings thousands of messages before."""
    found = only(drifting(ERRORS, alarm("label-fall/rates", 2_400, 1_900, "x", scope="prior")))
    assert (found.quiet, found.offset, len(found.events)) == (2_000, 2_000, 2)
    alone = only(drifting(FALLS, alarm("jaccard-error/adwin", 2_420, 420)))
    assert (alone.offset, alone.quiet) == (2_000, 2_000)


def test_the_cluster_that_was_hit_and_the_messages_that_were_hit_are_told() -> None:
    """Of "a" and "b", which share a cluster; messages about "c" stayed right."""
    state = drifting(ERRORS)
    for label, cluster in {"a": 4, "b": 4, "c": 6}.items():
        state.take(OutputRecord("label-stats", 0, LENGTH, 1.0, 1.0, encode(label_record(label, cluster))))
    found = only(state)
    assert found.cluster is not None
    assert (found.cluster.cluster, found.cluster.labels, found.cluster.before) == (4, ["a", "b"], 1.0)
    assert found.effect is not None
    assert found.cluster.after < found.effect.lowest < 1.0


def test_messages_that_were_hit_are_told_by_their_words() -> None:
    """Those with the label's own word, more than the others."""
    state = StreamState("m")
    for n in range(LENGTH):
        kind = ("parcel", "login", "outage")[n % 3]
        wrong = n >= DRIFTS and kind == "parcel"
        event = Event(id=f"e{n}", ts=n, text=f"About the {kind} {n}")
        state.take(InputRecord(0, n, float(n), event))
        state.take(prediction(n, ["b" if wrong else kind], [kind], at=float(n)))
        if n == ERRORS.offset:
            state.take(ERRORS)
    assert only(state).segments == [("parcel", 0.0, 1.0)]


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
    assert found.last == 2_090.0


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
