"""The API answers with the views of the stream and the runs that were asked for."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from stream.dashboard import drift_views, label_views, letter_views, message_views, views
from stream.dashboard.access import Guard
from stream.dashboard.compare import compare
from stream.dashboard.web import MOST_AROUND, application
from stream.monitoring import StreamState
from tests.stream.monitoring.streams import fed, prediction


def answered(streams: Sequence[StreamState], view: str, **query: object) -> tuple[int, Any]:
    """Return the status and the content of the answer to a request from this machine."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/{view}",
        "raw_path": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "query_string": urllib.parse.urlencode(query).encode(),
        "client": ("127.0.0.1", 1),
    }
    app = application(streams, Guard("127.0.0.1", None))
    asyncio.run(app(scope, receive, send))
    body = b"".join(each.get("body", b"") for each in sent)
    return sent[0]["status"], msgspec.json.decode(body)


def as_json(view: Any) -> Any:
    """Return a view as it is read from JSON."""
    return msgspec.json.decode(msgspec.json.encode(view))


def stream(name: str, begin: int, *runs: str) -> StreamState:
    """Return a stream of which the runs predict ten messages each, one after the other, with their names."""
    numbered = enumerate((run for run in runs for _ in range(10)), start=begin)
    return fed(name, [prediction(n, [run], ["xyz"[n % 3]], at=float(n), run=run) for n, run in numbered])


STREAMS = [stream("one", 0, "x", "y"), stream("other", 5, "y", "z")]


@pytest.mark.parametrize("one", [0, 1])
@pytest.mark.parametrize("other", [0, 1])
def test_two_runs_are_compared_of_one_stream_or_of_two(one: int, other: int) -> None:
    """In the order in which they were named."""
    for first in STREAMS[one].runs:
        for second in STREAMS[other].runs:
            asked = {"a": one, "b": other, "run_a": first, "run_b": second}
            wanted = compare(STREAMS[one], first, STREAMS[other], second)
            assert answered(STREAMS, "compare", **asked) == (200, as_json(wanted))
    assert answered(STREAMS, "compare", a=one, b=other, run_a="nobody") == (404, None)


@pytest.mark.parametrize("source", [0, 1])
def test_views_are_those_of_the_stream(source: int) -> None:
    """With what the query says, where that can be."""
    state = STREAMS[source]
    for name, query, view in (
        ("head", {}, views.head(state)),
        ("overview", {"span": "day"}, views.overview(state, "day")),
        ("drift", {"scope": ""}, drift_views.drifts(state, {})),
        ("letters", {"reason": "json", "page": 1}, letter_views.letters(state, "json", 1)),
        ("around", {"partition": 0, "offset": 12}, drift_views.around(state, 0, 12, 12, 13)),
        ("around", {"offset": 9, "count": 2}, drift_views.around(state, 0, 9, 2, 3)),
        ("around", {"count": 10**9}, drift_views.around(state, 0, 0, MOST_AROUND, MOST_AROUND + 1)),
        ("messages", {}, message_views.messages(state, "all", "", "")),
        ("messages", {"which": "wrong", "label": "y"}, message_views.messages(state, "wrong", "", "y")),
        ("message", {"partition": 0, "offset": 7}, message_views.message(state, 0, 7)),
        ("labels", {}, label_views.labels(state, "change", "", 0)),
        ("labels", {"order": "name", "q": "x"}, label_views.labels(state, "name", "x", 0)),
        ("label", {"name": "y"}, label_views.label(state, "y")),
        ("clusters", {"partition": 0}, label_views.clusters(state, 0)),
    ):
        wanted = (404 if view is None else 200, as_json(view))
        assert answered(STREAMS, name, source=source, **query) == wanted, name
        assert answered(STREAMS[: source + 1], name, source=source, **query) == wanted, name
        missing = {"problem": f"source is '9', and the last is {source}."}
        assert answered(STREAMS[: source + 1], name, source=9, **query) == (400, missing), name


WHOLE, WORD = "write a whole number, 0 or more.", "write one of "


@pytest.mark.parametrize(
    ("view", "name", "may_be"),
    [
        ("message", "partition", WHOLE),
        ("message", "offset", WHOLE),
        ("around", "partition", WHOLE),
        ("around", "offset", WHOLE),
        ("around", "count", WHOLE),
        ("drift", "incident", WHOLE),
        ("drift", "count", WHOLE),
        ("letters", "page", WHOLE),
        ("labels", "page", WHOLE),
        ("clusters", "partition", WHOLE),
        ("letter", "partition", WHOLE),
        ("letter", "at", WHOLE),
        ("letter", "source", WHOLE),
        ("head", "source", WHOLE),
        ("compare", "a", WHOLE),
        ("compare", "b", WHOLE),
        ("overview", "span", f"{WORD}all, minutes, day."),
        ("messages", "which", f"{WORD}all, wrong, unsure."),
        ("labels", "order", WORD),
    ],
)
@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "\u0663"])
def test_a_query_that_cannot_be_understood_is_answered_as_no_other(
    view: str, name: str, may_be: str, text: str
) -> None:
    """In a sentence with the parameter's name, what was got and what it may be."""
    streams = STREAMS[:1] if view == "letter" else STREAMS
    status, said = answered(streams, view, **{name: text})
    assert status == 400
    assert said["problem"].startswith(f"{name} is {text!r}; {may_be}")


@pytest.mark.parametrize(
    ("view", "known"),
    [
        ("sources", "source"),
        ("head", "source"),
        ("compare", "source, a, b, run_a, run_b"),
        ("letter", "source, partition, at"),
        ("around", "source, partition, offset, count"),
        ("drift", "source, scope, detector, subject, incident, count"),
        ("label", "source, name"),
    ],
)
def test_a_parameter_that_is_not_known_is_not_passed_over(view: str, known: str) -> None:
    """The answer would be that to another question."""
    said = {"problem": f"'partitoin' is no parameter here; there are {known}."}
    assert answered(STREAMS, view, partitoin=1) == (400, said)


def test_a_number_may_have_any_digits() -> None:
    """Leading zeros are none, and one beyond all bounds is the bound."""
    assert answered(STREAMS, "message", partition="000", offset="0" * 5_000 + "7")[0] == 200
    assert answered(STREAMS, "message", partition=0, offset="9" * 5_000) == (404, None)


def test_the_streams_are_named_with_their_runs() -> None:
    """Nothing can be done to any of them where no actions were given."""
    status, found = answered(STREAMS, "sources")
    assert status == 200
    assert [each["name"] for each in found] == ["one", "other"]
    assert [each["runs"] for each in found] == [["x", "y"], ["y", "z"]]
    assert [each["acts"] for each in found] == [None, None]
    assert "problem" in answered(STREAMS, "letter", partition=0, at=0)[1]
