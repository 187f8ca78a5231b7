"""The latest predictions are found as in a plain list, and lessons as a plain learner has learned them."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st

from stream.monitoring.recent_predictions import STATEMENTS, RecentPrediction, RecentPredictions
from stream.pipeline import KnownLabels

A = KnownLabels(("a",), None)
STATED = st.builds(
    lambda signs, complete: KnownLabels(
        tuple(name for name, sign in zip("abc", signs, strict=True) if sign == 1),
        None if complete else tuple(name for name, sign in zip("abc", signs, strict=True) if sign == -1),
    ),
    st.tuples(*[st.integers(-1, 1)] * 3),
    st.booleans(),
)


def seen_at(
    offset: int, updates: int = 0, *, taught: bool = False, time: float | None = None
) -> RecentPrediction:
    """Return the prediction for the event at an offset."""
    return RecentPrediction(0, offset, time, f"e{offset}", "", updates, ("a",), None, taught, b"")


@given(
    steps=st.lists(st.sampled_from(["labelled", "unlabelled", "feedback"]), min_size=1, max_size=40),
    picks=st.randoms(use_true_random=False),
)
def test_lessons_are_numbered_as_they_were_learned(steps: list[str], picks: object) -> None:
    """A labelled event at once, another one when its feedback comes, if it does."""
    recent = RecentPredictions()
    lessons: list[int] = []
    unknown: list[int] = []
    for offset, step in enumerate(steps):
        if step == "feedback":
            if unknown:
                about = unknown.pop(picks.randrange(len(unknown)))  # type: ignore[attr-defined]
                assert recent.join(f"e{about}", A, offset)
                assert recent.join(f"e{about}", A, offset) is None
                lessons.append(about)
            continue
        assert recent.add(seen_at(offset, len(lessons), taught=step == "labelled"))
        (lessons if step == "labelled" else unknown).append(offset)
    found = [recent.learned(number) for number in range(len(lessons) + 1)] if len(recent) else []
    assert [each and each.offset for each in found] == [*lessons, None][: len(found)]
    assert recent.learned(-1) is None


@given(
    gaps=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=25),
    offset=st.integers(-2, 80),
    since=st.integers(0, 20),
)
def test_positions_are_those_in_a_plain_list(gaps: list[tuple[int, int]], offset: int, since: int) -> None:
    """By offset, by time, and by how much was learned."""
    recent, plain = RecentPredictions(), list[RecentPrediction]()
    place = updates = 0
    for gap, more in gaps:
        place, updates = place + gap, updates + more
        plain.append(seen_at(place, updates, time=place / 2))
        assert recent.add(plain[-1])
        assert not recent.add(plain[-1])
    before, after = (
        [seen for seen in plain if (seen.offset < offset) is is_before] for is_before in (True, False)
    )
    assert recent.at(offset) == next((seen for seen in after if seen.offset == offset), None)
    assert list(recent.around(offset, 2, 3)) == before[-2:] + after[:3]
    assert recent.until(offset / 2) == max(
        (seen.offset for seen in plain if seen.offset <= offset), default=gaps[0][0]
    )
    here = (after or before[-1:])[0]
    first = max(0, here.updates - since)
    begun = next(seen for seen in plain if seen.updates >= first)
    assert recent.began(offset, since) == (begun if begun != plain[0] or begun.updates == first else None)
    assert list(recent.latest()) == plain[::-1]


def test_none_is_there_at_first() -> None:
    """And nothing is found."""
    recent = RecentPredictions()
    assert (len(recent), recent.first, recent.at(0), recent.learned(0), recent.began(0, 1)) == (
        0,
        None,
        None,
        None,
        None,
    )


def test_what_left_is_forgotten_with_its_feedback() -> None:
    """The lessons that remain are found as before."""
    recent = RecentPredictions(5)
    for offset in range(10):
        recent.add(seen_at(offset, offset))
        recent.join(f"e{offset}", A, offset)
    assert (recent.first, len(recent)) == (5, 5)
    assert [found and found.offset for found in map(recent.at, (4, 5))] == [None, 5]
    assert [found and found.offset for found in map(recent.learned, (4, 5, 9))] == [None, 5, 9]
    assert recent.join("e4", KnownLabels(("b",), None), 11) is None


def test_feedback_waits_for_its_prediction() -> None:
    """The first records of it, and the latest events'."""
    recent = RecentPredictions(3)
    for offset in range(STATEMENTS + 1):
        assert recent.join("e0", A, offset, 2.0) is None
    for number in (1, 2, 3):
        recent.join(f"e{number}", A, 9)
    assert recent.waiting("e0") == []
    assert [len(recent.waiting(f"e{number}")) for number in (1, 2, 3, 1)] == [1, 1, 1, 0]
    for offset in range(STATEMENTS + 1):
        recent.join("e0", A, offset, 2.0)
    assert recent.waiting("e0") == [(A, offset, 2.0) for offset in range(STATEMENTS)]


@given(st.lists(st.tuples(STATED, st.booleans()), max_size=5), STATED, st.booleans())
def test_of_two_records_about_a_label_the_later_one_counts(
    feedback: list[tuple[KnownLabels, bool]], own: KnownLabels, again: bool
) -> None:
    """The event's own labels are a record between the feedback before it and after it, read once or again."""
    recent = RecentPredictions()
    early = [said for said, is_early in feedback if is_early]
    later = [said for said, is_early in feedback if not is_early]
    recent.add(seen_at(10)._replace(own=own))
    for _ in range(1 + again):
        for offset, said in enumerate(early):
            recent.join("e10", said, offset)
        for offset, said in enumerate(later, 11):
            recent.join("e10", said, offset)
    found, expected = recent.at(10), functools.reduce(KnownLabels.updated, [*early, own, *later])
    assert found is not None
    assert found.known is not None
    assert found.known.same(expected)


def test_a_prediction_is_wrong_when_its_labels_are_completely_known() -> None:
    """Not before."""
    seen = seen_at(0)
    partly = seen._replace(own=KnownLabels(("b",), ()))
    assert (seen.truth, seen.wrong, partly.truth, partly.wrong) == (None, False, None, False)
    right, wrong = seen._replace(own=A), seen._replace(own=KnownLabels(("a", "b"), None))
    assert (right.truth, right.wrong, wrong.truth, wrong.wrong) == (("a",), False, ("a", "b"), True)
