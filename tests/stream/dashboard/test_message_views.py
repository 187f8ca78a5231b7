"""What the view of a message says of its words."""

from __future__ import annotations

import pytest

from stream.dashboard import message_views
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.records import Event
from tests.stream.monitoring.streams import fed, prediction


def test_words_speak_for_and_against_a_label() -> None:
    """As often as the messages before carried it; later ones, and words that say nothing, do not count."""
    texts = ["the refund is late", "the parcel is late"]
    written: list[InputRecord | OutputRecord] = []
    for number in range(400):
        label = "money" if number % 2 == 0 else "delivery"
        if number >= 300:  # What comes later says the opposite.
            label = "delivery" if label == "money" else "money"
        text = "the refund of the parcel" if number == 300 else texts[number % 2]
        event = Event(id=f"e{number}", ts=number, text=text)
        written.append(InputRecord(0, number, float(number), event))
        written.append(prediction(number, ["money"], [label], at=float(number)))
    state = fed("s", written)
    found = message_views.message(state, 0, 300)
    assert found is not None
    wrong, missed = found["evidence"]
    assert (wrong["label"], wrong["usual"], wrong["messages"]) == ("money", 0.5, 300)
    assert (wrong["for"], wrong["against"]) == ([("refund", 1.0, 150)], [("parcel", 0.0, 150)])
    assert (missed["label"], missed["for"]) == ("delivery", [("parcel", 1.0, 150)])


@pytest.mark.parametrize(("with_money", "told"), [(12, False), (13, True)])
def test_a_word_speaks_from_two_standard_deviations_on(with_money: int, told: bool) -> None:
    """Of 16 messages with it, where half of all carry the label: 12 are two, and chance may be."""
    written: list[InputRecord | OutputRecord] = []
    for number in range(161):
        label = "money" if number % 2 == 0 else "delivery"
        # With the word are the first messages with either label.
        spoken = number // 2 < (with_money if label == "money" else 16 - with_money) or number == 160
        event = Event(id=f"e{number}", ts=number, text="a small fee" if spoken else "nothing")
        written.append(InputRecord(0, number, float(number), event))
        written.append(prediction(number, ["money"], [label], at=float(number)))
    found = message_views.message(fed("s", written), 0, 160)
    assert found is not None
    (money,) = found["evidence"]
    assert money["usual"] == 0.5
    assert ("fee", with_money / 16, 16) in money["for"] if told else money["for"] == []


def test_nothing_is_said_where_there_is_nothing_to_count() -> None:
    """The first message, and one whose text is not kept."""
    state = fed("s", [prediction(0, ["a"], None), *(prediction(n, ["a"], ["a"]) for n in (1, 2))])
    for offset, usual in enumerate((0.0, 0.0, 1.0)):
        found = message_views.message(state, 0, offset)
        assert found is not None
        told = [(each["usual"], each["for"], each["against"]) for each in found["evidence"]]
        assert told == [(usual, [], [])]
