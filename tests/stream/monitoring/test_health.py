"""Whether the service is healthy and its labels are good, in words, at the thresholds of the alerts."""

from __future__ import annotations

import re

import pytest
import yaml

from stream.kafka import GroupState
from stream.monitoring.health import (
    COVERAGE_AFTER,
    COVERAGE_SHORT,
    DEAD_LETTERS_SHARE,
    LAG_S,
    LESSONS_LAG,
    NO_WORKER_S,
    SCORES_FELL,
    SNAPSHOT_S,
    STALLED_S,
    Check,
    health,
    quality,
    worst,
)
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.monitoring.stream_state import StreamState
from stream.monitoring.vitals import Vitals
from stream.records.schema import Event
from tests.deploy.dashboard import RULES
from tests.stream.monitoring.streams import fed, prediction

NOW = 10_000.0


def vitals(*, members: int = 1, end: int = 100, committed: int = 100, moved: float = NOW) -> Vitals:
    """Return the vitals of a stream with one partition."""
    state = GroupState(members, {0: end}, {0: committed})
    return Vitals(NOW, state, None, {0: moved}, None, {0: NOW - 60})


def stream(given: Vitals, messages: int = 100) -> StreamState:
    """Return a stream that answered messages until now, one a second."""
    state = fed("m", [prediction(n, ["a"], ["a"], at=NOW - messages + n) for n in range(messages)])
    state.see(given)
    return state


def test_vitals_that_changed_and_changed_back_are_two_changes() -> None:
    """A view may show what stood between two looks; to be asked again alone changes nothing."""
    state = stream(vitals())
    before = state.version
    state.see(vitals()._replace(asked=NOW + 1))
    assert state.version == before
    state.see(vitals(end=107))
    state.see(vitals())
    assert state.version == before + 2


def told(state: StreamState, name: str, now: float = NOW) -> tuple[str, str]:
    """Return the level and the text of a check at a time at which the broker answers."""
    assert state.vitals is not None
    state.see(state.vitals._replace(asked=now))
    (found,) = (check for check in health(state, now) if check.name == name)
    return found.level, found.text


def seconds(text: str) -> float:
    """Return a duration as Prometheus writes it."""
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def test_thresholds_are_those_of_the_alerts() -> None:
    """What the page calls trouble wakes somebody, and the other way round."""
    loaded = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"]: rule for group in loaded for rule in group["rules"] if "alert" in rule}

    def number(name: str, pattern: str) -> float:
        found = re.search(pattern, alerts[name]["expr"])
        assert found, name
        return float(found[1])

    assert seconds(alerts["IthacaNoWorker"]["for"]) == NO_WORKER_S
    assert number("IthacaLag", r"> (\d+)") == LAG_S
    assert 60 * number("IthacaPartitionStalled", r"\[(\d+)m\]") == STALLED_S
    assert number("IthacaSnapshotOld", r"> (\d+)") == SNAPSHOT_S
    assert number("IthacaLessonsLag", r"> (\d+)") == LESSONS_LAG
    assert number("IthacaDeadLetters", r"> ([\d.]+)") == DEAD_LETTERS_SHARE
    assert number("IthacaCoverageLost", r"- ([\d.]+)") == COVERAGE_SHORT
    assert number("IthacaCoverageLost", r"messages > (\d+)") == COVERAGE_AFTER
    assert number("IthacaScoresFell", r"- ([\d.]+)\s*$") == SCORES_FELL


def test_all_is_well() -> None:
    """Every check says so."""
    state = stream(vitals())
    assert worst(health(state, NOW)) == "good"
    assert told(state, "Lag") == ("good", "Every event is answered.")
    assert told(state, "Workers") == ("good", "1 worker for 1 partition.")


def test_a_stream_whose_last_worker_died_is_in_trouble() -> None:
    """At once it needs a look, and after the alert's two minutes it is trouble, with what waits."""
    before = vitals(end=400)
    state = stream(before)
    state.see(before.followed_by(GroupState(0, {0: 400}, {0: 100}), NOW))
    assert told(state, "Workers", NOW + NO_WORKER_S - 1)[0] == "warn"
    assert told(state, "Workers", NOW + NO_WORKER_S)[0] == "bad"
    level, text = told(state, "Workers", NOW + 240)
    assert (level, text) == ("bad", "No worker for at least 4 min, and 300 events waiting.")
    assert worst(health(state, NOW + 240)) == "bad"
    assert told(state, "Stalled", NOW + 301)[0] == "bad"


@pytest.mark.parametrize(("waiting", "level"), [(100, "good"), (1_000, "warn")])
def test_lag_is_told_in_time(waiting: int, level: str) -> None:
    """One event a second is answered: so many events are so many seconds of work."""
    state = stream(vitals(end=100 + waiting))
    found, text = told(state, "Lag")
    assert found == level
    assert f"{waiting:,} events waiting, " in text
    assert re.search(r"(100|99|102|17|16) (s|min) of work", text)


def test_how_long_the_oldest_event_waits_is_told_where_events_are_read() -> None:
    """And a stream that has only just begun to lag needs no look, whatever its rate was."""
    state = stream(vitals(end=5_000))
    state.take(InputRecord(0, 100, NOW - 20, Event(id="x", ts=0, text="t")))
    assert told(state, "Lag")[0] == "good"
    assert told(state, "Lag")[1].endswith("the oldest came 20 s ago.")
    assert told(state, "Lag", NOW + 301)[0] == "warn"


def test_what_the_broker_said_long_ago_is_not_relied_on() -> None:
    """It may refuse to say more, while the topics can still be read."""
    state = stream(vitals())
    assert worst(health(state, NOW + 90)) == "unknown"
    assert worst(health(state, NOW + 10)) == "good"
    assert health(state, NOW + 16)[0] == Check(
        "Workers", "unknown", "The broker has not told of them for 16 s; the dashboard's log says why."
    )
    assert health(state, NOW + 16)[1] == Check(
        "Dead letters", "unknown", "None has been read in the last five minutes."
    )
    assert told(state, "Dead letters") == ("good", "None in the last five minutes.")


def test_dead_letters_snapshots_and_the_broker() -> None:
    """Each with its figures."""
    state = stream(vitals())
    for n in range(10):
        state.take(OutputRecord("dead-letter", 0, 200 + n, NOW, reason="json"))
    assert told(state, "Dead letters") == (
        "warn",
        "10 in five minutes, 9.1% of the events; the latest: json.",
    )
    state.see(vitals()._replace(snapshots={0: NOW - 1_000}))
    assert told(state, "Snapshots")[0] == "warn"
    assert told(state, "Snapshots", NOW + 9_000)[0] == "good"  # Nothing is added to it: nobody writes.
    state.see(vitals()._replace(snapshots={}))
    assert told(state, "Snapshots")[0] == "note"
    state.see(vitals()._replace(lessons=5_000))
    assert told(state, "Replicas")[0] == "warn"
    through = min(each.trained_through for each in state.partitions.values())
    state.see(vitals()._replace(lessons=through + 4))
    assert told(state, "Replicas")[1] == "Answers come from models at most 3 lessons behind."
    state.problem = "No Kafka broker answers at nowhere:9."
    assert health(state, NOW) == [Check("Broker", "bad", f"The broker cannot be read: {state.problem}")]


def scored(right: int, wrong: int) -> StreamState:
    """Return a stream that was right, then wrong."""
    answers = [["a"]] * right + [["b"]] * wrong
    return fed("m", [prediction(n, each, ["a"], at=NOW - 2_000 + n) for n, each in enumerate(answers)])


def test_recent_scores_are_held_against_the_last_day_and_the_previous_labels() -> None:
    """A fall below the day's is told, and labels that repeating would beat."""
    (fell,) = (check for check in quality(scored(1_000, 600), NOW, None) if check.name == "Scores")
    assert fell.level == "warn"
    assert re.match(
        r"Micro-F1 0\.\d\d over the latest 5\d\d labelled messages, 0\.\d\d the last day;", fell.text
    )
    (useless,) = (check for check in quality(scored(700, 0), NOW, None) if check.name == "Scores")
    assert useless.level == "warn"  # Always the same label: the previous message's would do.
    assert "repeating the previous labels gets 1.00" in useless.text


def test_without_truth_quality_is_not_known() -> None:
    """And that is told, not guessed."""
    state = fed("m", [prediction(n, ["a"], None) for n in range(9)])
    assert worst(quality(state, NOW, 0.9)) == "unknown"
    assert [check.name for check in quality(state, NOW, 0.9)] == ["Scores", "True labels"]
    assert {check.level for check in quality(state, NOW, 0.9)} == {"unknown"}
    state.take(prediction(9, ["a"], ["a"]))
    assert [check.level for check in quality(state, NOW, 0.9) if check.name == "True labels"] == ["good"]
