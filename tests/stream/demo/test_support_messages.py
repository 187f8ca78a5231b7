"""The demo's stream: the same every time, and its story is true."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import islice
from typing import Any

import pytest

from stream.demo.support_messages import (
    APPEARS,
    DRIFTS,
    FADES,
    GONE,
    STORY,
    TOPICS,
    chapters,
    messages,
)
from stream.records.decoding import decode_event
from stream.records.schema import BadEventError

SPAN = 6_000


@pytest.fixture(scope="module")
def stream() -> list[bytes]:
    """Return the whole story."""
    return list(islice(messages(SPAN, seed=3), SPAN))


@pytest.fixture(scope="module")
def events(stream: list[bytes]) -> list[dict[str, Any]]:
    """Return the events that are not broken, by position; broken ones are empty."""
    return [json.loads(value) if value.endswith(b"}") else {} for value in stream]


def count(events: list[dict[str, Any]], begin: float, end: float) -> Counter[str]:
    """Return how often labels occur in a part of the story."""
    part = events[int(begin * SPAN) : int(end * SPAN)]
    return count_labels(part)


def test_equal_seeds_give_equal_bytes(stream: list[bytes]) -> None:
    """And other seeds other ones; the pictures in READMEs show the stream of these."""
    assert hashlib.blake2b(b"\n".join(stream), digest_size=8).hexdigest() == "ad54cbba5cf8fac0"
    assert list(islice(messages(SPAN, seed=3), SPAN)) == stream
    assert list(islice(messages(SPAN, seed=4), 100)) != stream[:100]


def test_most_events_are_good_and_some_are_not(stream: list[bytes]) -> None:
    """Broken ones become dead letters, and some good ones have no labels."""
    reasons: Counter[str] = Counter()
    unlabelled = 0
    for value in stream:
        try:
            unlabelled += decode_event(value).labels is None
        except BadEventError as bad:
            reasons[bad.reason] += 1
    assert set(reasons) == {"json"}
    assert 0.5 * SPAN / 400 < reasons["json"] < 2 * SPAN / 400
    assert 0.7 * SPAN / 50 < unlabelled < 1.4 * SPAN / 50


def test_a_label_appears_and_one_fades(events: list[dict[str, Any]]) -> None:
    """Nothing before, plenty after; and the other way round."""
    assert count(events, 0.0, APPEARS)["voice-assistant"] == 0
    assert count(events, APPEARS, APPEARS + 0.1)["voice-assistant"] > 20
    fading = [count(events, begin, begin + 0.2)["store-pickup"] for begin in (0.1, 0.4, 0.6)]
    assert fading == sorted(fading, reverse=True)
    assert fading[0] > 50
    assert count(events, GONE, 1.0)["store-pickup"] == 0


def test_the_drift_swaps_the_words_of_two_labels(events: list[dict[str, Any]]) -> None:
    """The same complaint has the other label afterwards."""
    troubles = TOPICS["delivery"][1].split("|")

    def given(begin: float, end: float) -> Counter[str]:
        part = events[int(begin * SPAN) : int(end * SPAN)]
        about = [event for event in part if any(trouble in event.get("text", "") for trouble in troubles)]
        return count_labels(about)

    before, after = given(0.0, DRIFTS), given(DRIFTS, 1.0)
    assert before["delivery"] > 10 * before["returns"]
    assert after["returns"] > 10 * after["delivery"]


def test_the_story_tells_the_known_changes_in_order() -> None:
    """Each from where it begins on."""
    assert [each.begins for each in STORY] == sorted(each.begins for each in STORY)
    assert {each.begins for each in STORY} == {0.0, FADES, APPEARS, DRIFTS, GONE}
    assert chapters(GONE) == list(STORY)
    assert "swap" in chapters(DRIFTS)[-1].text
    assert chapters(DRIFTS - 0.01) == chapters(DRIFTS)[:-1]


def test_the_story_goes_on_with_a_stream_that_has_no_end() -> None:
    """Meanings swap back, and again; what was told before stays told."""
    told = [chapters(place)[-1].text for place in (2.01 * DRIFTS, 3.01 * DRIFTS)]
    assert ["back" in each for each in told] == [True, False]
    assert chapters(3.01 * DRIFTS)[:-1] == chapters(2.01 * DRIFTS)


def count_labels(events: list[dict[str, Any]]) -> Counter[str]:
    """Return how often labels occur."""
    return Counter(label for event in events for label in event.get("labels", ()))
