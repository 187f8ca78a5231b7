"""The limit on alarms about single subjects."""

from __future__ import annotations

from drift.alarms.alarm import Alarm
from drift.alarms.rate_limit import RateLimit
from tests.drift.detectors.series import stored


def test_the_limit_lets_the_strongest_through_and_counts_the_rest() -> None:
    """A flood is one event; alarms about the stream and about structure always pass."""
    limit = RateLimit(most=2, length=10)
    flood = [Alarm("label-fall/rates", "prior", str(n), -float(n), 12.0, 99) for n in range(50)]
    whole = Alarm("subset-error/adwin", "error", "stream", 0.5, 0.1, 99)
    split = Alarm("clusters", "structure", "3", 0.5, 0.1, 0, "split")
    assert [a.subject for a in limit.update([*flood, whole, split])] == ["48", "49", "stream", "3"]
    restored = RateLimit(most=2, length=10)
    restored.load_state(stored(limit.state()))
    for _ in range(9):
        assert restored.update([]) == []
    (told,) = restored.update([])
    assert (told.detector, told.scope, told.statistic, told.threshold) == ("many", "prior", 48.0, 2.0)
    assert restored.update(flood)[0].subject == "48"


def test_the_limit_is_one_for_all_messages_of_a_period() -> None:
    """What one message used up, the next ones lack, until a new period begins."""
    limit, passed = RateLimit(most=3, length=4), []
    for n in range(8):
        alarms = [Alarm("label-fall/rates", "prior", f"{n}/{each}", 20.0, 12.0, 500) for each in range(2)]
        passed.append([alarm.detector for alarm in limit.update(alarms)])
    label = "label-fall/rates"
    assert passed == [[label, label], [label], [], [], ["many", label, label], [label], [], []]
