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
    """With what the query says; an unknown stream is the last one."""
    state = STREAMS[source]
    for name, query, view in (
        ("head", {}, views.head(state)),
        ("overview", {"span": "hour"}, views.overview(state, "hour")),
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
        assert answered(STREAMS[: source + 1], name, source=9, **query) == wanted, name


def test_the_streams_are_named_with_their_runs() -> None:
    """Nothing can be done to any of them where no actions were given."""
    status, found = answered(STREAMS, "sources")
    assert status == 200
    assert [each["name"] for each in found] == ["one", "other"]
    assert [each["runs"] for each in found] == [["x", "y"], ["y", "z"]]
    assert [each["acts"] for each in found] == [None, None]
    assert "problem" in answered(STREAMS, "letter", partition=0, at=0)[1]
