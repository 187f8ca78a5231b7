"""Which incidents the first view counts, and which findings are still proposed."""

from __future__ import annotations

import datetime

from drift.alarms import SLACK
from stream.dashboard import drift_views, views
from stream.dashboard.web import ASSETS
from stream.monitoring import LONGEST, StreamState, TriageEntry, findings
from stream.monitoring.effects import STEP
from stream.records import Control, TriageRecord
from tests.stream.monitoring.streams import drift, fed, prediction

NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def two_incidents() -> StreamState:
    """Return a stream on which errors rose for good, and were small and serious before that."""
    wrong = [prediction(n, ["a"], ["a" if n < 3_000 else "b"], at=float(n)) for n in range(5_000)]
    events = [
        drift(1_000, "label-rise/rates", "c", "prior", since=20),
        drift(3_020, "subset-error/adwin", "stream", "error", since=20),
    ]
    return fed("s", [*wrong, *events])


def decide(state: StreamState, what: str, name: str) -> None:
    """Decide something for an hour."""
    fields = {
        "what": what,
        "name": name,
        "decision": "acknowledged",
        "by": "Ada",
        "reason": "mine",
        "at": NOW,
    }
    record = TriageRecord(**fields, until=NOW + HOUR)  # type: ignore[arg-type]
    state.take(TriageEntry(record.key.decode(), record))


def test_the_first_view_counts_what_nobody_sees_to_until_that_ends() -> None:
    """Acknowledged incidents go on, behind the others, with who sees to them."""
    state = two_incidents()
    before = views.overview(state, "all", NOW.timestamp())
    assert (before["incidents_open"], before["incidents_unattended"]) == (1, 1)
    serious = before["incidents"][0]
    assert (serious["over"], serious["decision"]) == (False, None)
    decide(state, "incident", serious["name"])
    during = views.overview(state, "all", NOW.timestamp())
    assert (during["incidents_open"], during["incidents_unattended"]) == (1, 0)
    assert during["incidents"][0]["decision"]["by"] == "Ada"
    after = views.overview(state, "all", (NOW + HOUR).timestamp())
    assert (after["incidents_unattended"], after["incidents"][0]["decision"]) == (1, None)
    assert len(drift_views.drifts(state, {}, NOW.timestamp())["decisions"]) == 1
    assert drift_views.drifts(state, {}, (NOW + HOUR).timestamp())["decisions"] == []


def test_examples_are_as_often_wrong_as_the_sentence_says() -> None:
    """They are spread over what the detector compared, however early the beginning was put."""
    state = fed("s", [])
    for n in range(1_200):
        wrong = n % 10 == 0 if n < 1_000 else n % 10 < 6
        state.take(prediction(n, ["b" if wrong else "a"], ["a"], at=float(n)))
        if n == 1_100:
            state.take(drift(n, "cluster-error/means", "0", "error", since=300, before=0.1, after=0.3))
        if n == 1_101:
            state.take(drift(n, "subset-error/adwin", "stream", "error", since=101, before=0.1, after=0.6))
    (told,) = drift_views.drifts(state, {})["incidents"]
    near = drift_views.drifts(state, {"incident": str(told["number"])}, many=20)["near"]
    assert told["title"] == "Wrong label sets rose from 10.0 % to 60.0 %"
    assert (near["wrong"], near["known"]) == ([50, 62], [500, 102])
    offsets = [each["offset"] for each in near["messages"]]
    assert [sum(part) for part in ([n < 800 for n in offsets], [1_000 <= n <= 1_101 for n in offsets])] == [
        20,
        21,
    ]
    assert offsets == sorted(set(offsets))
    assert near["all"] is False
    assert drift_views.drifts(state, {})["near"] is None


def test_few_messages_are_all_shown() -> None:
    """Each once."""
    state = fed("m", [prediction(n, ["a"], ["a"], at=float(n)) for n in range(10)])
    state.take(drift(7, "label-new/rates", "a", "prior", since=3))
    near = drift_views.drifts(state, {"incident": "1"})["near"]
    assert [each["offset"] for each in near["messages"]] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert near["all"] is True


def test_drift_among_the_messages_around_an_offset_is_told() -> None:
    """From the first of them to the last."""
    state = fed("m", [prediction(n, ["a"], ["a"], at=float(n)) for n in range(10)])
    for offset in (1, 2, 5, 8, 9):
        state.take(drift(offset, "clusters", "4", "structure", action="split", labels=["a"]))
    near = drift_views.around(state, 0, 5, 3, 4)
    assert [each["offset"] for each in near["messages"]] == [2, 3, 4, 5, 6, 7, 8]
    assert [each["offset"] for each in near["drift"]] == [2, 5, 8]


def test_what_the_learner_did_outside_incidents_is_told() -> None:
    """It belongs to none, and has a place all the same."""
    splits = [
        drift(offset, "clusters", "4", "structure", action="split", labels=[label])
        for offset, label in ((200, "a"), (1_200, "b"), (2_000, "c"))
    ]
    events = [*splits, drift(1_000, "label-rise/rates", "c", "prior", since=20)]
    messages = [prediction(n, ["a"], ["a"], at=float(n)) for n in range(3_000)]
    state = fed("s", [*messages, *sorted(events, key=lambda each: each.offset)])
    told = drift_views.drifts(state, {})
    assert [each["said"] for each in told["outside"]] == [
        "The learner split “c” off cluster 4",
        "The learner split “a” off cluster 4",
    ]
    assert told["outside_total"] == 2


def test_the_page_says_for_how_long_an_action_is_an_incidents() -> None:
    """With the numbers that count."""
    said = (ASSETS / "drift.js").read_text(encoding="utf-8")
    assert f"until {SLACK:,} messages after its latest alarm" in said
    assert f"for up to {LONGEST:,} messages" in said
    assert f"worst {STEP:,} messages since" in said


def test_what_came_since_is_counted_in_messages() -> None:
    """Not in offsets: feedback has offsets too."""
    state = fed("m", [prediction(2 * n, ["a"], ["a"], at=float(n)) for n in range(100)])
    state.take(drift(150, "label-rise/rates", "a", "prior", since=5))
    (told,) = drift_views.drifts(state, {})["incidents"]
    assert (told["offset"], told["ago"]) == (146, 27)


def test_a_name_stays_whenever_a_dashboard_began_to_read() -> None:
    """Numbers do not: they count from there."""
    whole = two_incidents()
    late = fed("s", [])
    for each in (drift(3_020, "subset-error/adwin", "stream", "error", since=20),):
        late.take(each)
    assert late.drift[0].name == whole.drift[1].name
    assert late.drift[0].number != whole.drift[1].number


def test_a_proposal_that_was_applied_is_none_any_more() -> None:
    """Nor is one that was withdrawn."""
    control, other = Control("merge", "t/maize", ["t/corn"]), Control("move", "u", ["t"])
    proposed = {"scope": "relation", "action": "proposed"}
    state = fed(
        "s",
        [
            drift(1, "identical", "t/corn = t/maize", control=control, **proposed),
            drift(2, "subsumes", "u in t", control=other, **proposed),
            drift(3, "taxonomy", "t/maize", "structure", action="merge t/maize: t/corn", control=control),
        ],
    )
    assert [each.record.subject for each in findings(state)] == ["u in t"]
    state.take(drift(4, "subsumes", "u in t", "relation", action="withdrawn", control=other))
    assert findings(state) == []
