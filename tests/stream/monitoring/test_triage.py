"""Which incidents fall under what people decided."""

from __future__ import annotations

import datetime

from stream.monitoring import DriftEvent, StreamState, TriageEntry, decision_on
from stream.monitoring.output_records import OutputRecord
from stream.records import DriftRecord, TriageRecord, encode

NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


def drift(detector: str, subject: str, scope: str = "prior", offset: int = 9) -> DriftEvent:
    """Return a drift event as the state holds it."""
    record = DriftRecord(
        detector=detector,
        scope=scope,
        subject=subject,
        statistic=1.0,
        threshold=0.5,
        window=100,
        action="none",
    )
    state = StreamState("m")
    state.take(OutputRecord("drift", 0, offset, 1.0, 1.0, encode(record)))
    return state.drift[0]


def decision(what: str, name: str, until: datetime.datetime | None = None) -> TriageRecord:
    """Return a decision."""
    fields = {"what": what, "name": name, "decision": "muted", "by": "Ada", "reason": "known", "at": NOW}
    return TriageRecord(**fields, until=until)  # type: ignore[arg-type]


FALLS, RISES = drift("label-fall/rates", "wheat"), drift("label-rise/rates", "corn", offset=11)
PAIR = drift("pair-jaccard/rates", "corn + oats", "correlation")
ERRORS = drift("subset-error/adwin", "stream", "error")
SPLIT = drift("clusters", "4", "structure")


def test_an_incident_stays_acknowledged_whichever_of_its_events_is_the_first() -> None:
    """A dashboard that began later, or on another partition, sees it with fewer of them."""
    acknowledged = decision("incident", FALLS.name)
    assert decision_on([FALLS, RISES], [acknowledged]) == acknowledged
    assert decision_on([ERRORS, RISES, FALLS], [acknowledged]) == acknowledged
    assert decision_on([RISES], [acknowledged]) is None
    assert len({each.name for each in (FALLS, RISES, PAIR, ERRORS, SPLIT)}) == 5


def test_muted_labels_and_kinds_count_where_all_changes_are_muted() -> None:
    """What the learner did is no change; one change of another label has to be looked at."""
    wheat, corn = decision("label", "wheat"), decision("label", "corn")
    assert decision_on([FALLS, SPLIT], [wheat]) == wheat
    assert decision_on([FALLS, RISES], [wheat]) is None
    assert decision_on([FALLS, RISES, PAIR], [wheat, corn]) == wheat
    assert decision_on([FALLS, RISES], [decision("detector", "label-rise"), wheat]) == wheat
    assert decision_on([ERRORS], [decision("label", "stream")]) is None
    assert decision_on([], [wheat]) is None
    assert decision_on([SPLIT], [wheat]) is None


def test_a_decision_ends_by_itself_and_can_be_taken_back() -> None:
    """The state keeps the latest of each."""
    state = StreamState("m")
    until = NOW + datetime.timedelta(hours=1)
    state.take(TriageEntry("label/wheat", decision("label", "wheat", until)))
    assert state.triage["label/wheat"].stands(until.timestamp() - 1)
    assert not state.triage["label/wheat"].stands(until.timestamp())
    state.take(TriageEntry("label/wheat", None))
    state.take(TriageEntry("label/unknown", None))
    assert (state.triage, state.version) == ({}, 3)
