"""Alarms of one change are one incident."""

from __future__ import annotations

from drift.alarms import Alarm, incidents
from drift.alarms.incidents import SLACK


def error(since: int) -> Alarm:
    """Return an alarm about errors whose change began so long ago."""
    return Alarm("subset-error/adwin", "error", "stream", 0.5, 0.4, since, since=since)


def label(name: str, since: int, detector: str = "label-fall/rates") -> Alarm:
    """Return an alarm about a label whose change began so long ago."""
    return Alarm(detector, "prior", name, -13.0, 12.7, since, since=since)


def begun(*alarms: tuple[int, Alarm]) -> list[tuple[int, int]]:
    """Return where each incident began, and how many alarms it has."""
    return [(each.began, len(each.alarms)) for each in incidents(alarms)]


def test_alarms_that_tell_of_one_beginning_are_one_incident() -> None:
    """However late a rare label's one comes."""
    assert begun((2050, error(50)), (2400, label("a", 380)), (3900, label("rare", 2100))) == [(2000, 3)]


def test_an_echo_of_a_change_belongs_to_it() -> None:
    """A label that is back has changed just now; a detector's shrinking window tells of a later beginning."""
    back = label("a", 0, "label-returned/rates")
    assert begun((2700, label("a", 700)), (2900, back), (3300, label("b", 700))) == [(2000, 3)]


def test_errors_that_rise_again_are_another_change() -> None:
    """Also while alarms of the earlier one still come; each later alarm belongs to the nearer beginning."""
    late = label("a", 1000), label("b", 10)
    assert begun(
        (2050, error(50)), (2990, label("c", 980)), (3050, error(50)), (3060, late[0]), (3070, late[1])
    ) == [
        (2000, 3),
        (3000, 2),
    ]


def test_what_is_long_after_is_another_change() -> None:
    """Beyond the slack."""
    assert begun((100, label("a", 0)), (101 + SLACK, label("b", 0))) == [(100, 1), (101 + SLACK, 1)]
    assert begun((100, label("a", 0)), (100 + SLACK, label("b", 0))) == [(100, 2)]


def test_how_labels_are_supplied_and_what_they_are_do_not_echo_each_other() -> None:
    """Fewer messages have labels, and some hundred messages later a label is new: two changes."""
    fewer = Alarm("labelled/adwin", "feedback", "stream", 0.5, 0.4, 400, since=400)
    later = Alarm("delay/adwin", "feedback", "stream", 0.5, 0.4, 10, since=10)
    new = label("a", 0, "label-new/rates")
    assert begun((1000, fewer), (1300, later), (1400, new)) == [(600, 2), (1400, 1)]


def test_findings_and_the_learners_own_doing_make_no_incident() -> None:
    """A split while one goes on is told with it, and does not make it longer."""
    finding = Alarm("exclusive/chernoff", "relation", "a | b", 1.0, 0.8, 2000)
    split = Alarm("clusters", "structure", "4", 0.1, 0.2, 0, "split")
    assert begun((10, finding), (20, split)) == []
    (only,) = incidents([(50, error(0)), (60, split), (70, finding), (60 + SLACK, split), (9000, split)])
    assert (only.last, [alarm.detector for _, alarm in only.alarms]) == (
        50,
        ["subset-error/adwin", "clusters"],
    )
