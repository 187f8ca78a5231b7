"""What is kept of what events say."""

from __future__ import annotations

from stream.monitoring.contents import NAMED, Contents
from stream.monitoring.output_records import of_input
from stream.monitoring.recent_predictions import PREDICTIONS_KEPT
from stream.monitoring.stream_state import StreamState
from stream.records.schema import Event, Record
from tests.stream.standins import POISON


def test_features_and_vectors_are_told_by_their_largest_values() -> None:
    """A few of them, with their names or places; words come first."""
    contents = Contents(400)
    features: dict[str, float | bool | str | None] = {
        "price": 12.5,
        "weight": -99.0,
        "gone": None,
        "colour": "red",
    }
    contents.add(0, 1.0, Event(id="a", ts=0, features=features))
    assert contents.text(0) == "colour=red, weight=-99, price=12.5"
    contents.add(1, 2.0, Event(id="b", ts=0, vector=[float(n) for n in range(100)]))
    assert contents.text(1).startswith("[99]=99, [98]=98")
    assert contents.text(1).count("=") == NAMED


def test_nothing_is_kept_where_nothing_is_to_be_seen() -> None:
    """But the time is, for the lag."""
    state = StreamState("m", characters=0)
    read = of_input(Record("s.events", 0, 5, 7_000, None, b'{"id": "a", "ts": 0, "text": "secret"}'))
    assert read is not None
    state.take(read)
    contents = state.partitions[0].contents
    assert contents.text(5) == ""
    event = contents.after(4)
    assert event is not None
    assert event.time == 7.0
    assert contents.after(5) is None


def test_the_latest_are_kept() -> None:
    """And no more than twice as many, for a while; one that comes again changes nothing."""
    contents = Contents(9)
    for offset in range(2 * PREDICTIONS_KEPT):
        contents.add(offset, 0.0, Event(id="a", ts=0, text=str(offset)))
    contents.add(5, 0.0, Event(id="a", ts=0, text="again"))
    assert (contents.text(0), contents.text(5)) == ("", "")
    assert contents.text(2 * PREDICTIONS_KEPT - 1) == str(2 * PREDICTIONS_KEPT - 1)


def test_what_is_no_event_has_no_content() -> None:
    """The workers write it as a dead letter."""
    for value in POISON.values():
        read = of_input(Record("s.events", 0, 0, 0, None, value))
        assert read is None or b"boom" in (value or b"")  # What only the encoder refuses says something.
