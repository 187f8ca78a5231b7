"""Requests that change something: who may send them, and what they are answered."""

from __future__ import annotations

import datetime
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from stream.actions import ActionError, Actions, Letter
from stream.config.settings import Settings
from stream.dashboard.access import Guard
from stream.dashboard.acting import MOST_BYTES
from stream.dashboard.web import application
from stream.kafka import BrokerError
from stream.monitoring import StreamState, TriageEntry
from stream.records import Control, TriageRecord, resent_key
from stream.telemetry.serving import serving

TOKEN = "a token of sixteen and more"


class AtOnce(Actions):
    """Actions whose records the state has read as soon as they are written, without a broker."""

    def __init__(self, state: StreamState) -> None:
        super().__init__(Settings(stream=state.name))
        self.state = state
        self.sent: list[tuple[int, int, bytes | None]] = []
        self.accepted: list[Control] = []

    def decide(self, decision: TriageRecord) -> None:
        """Note it."""
        self.state.take(TriageEntry(decision.key.decode(), decision))

    def withdraw(self, key: bytes) -> None:
        """Take it back."""
        self.state.take(TriageEntry(key.decode(), None))

    def letter(self, partition: int, offset: int) -> Letter:
        """Return one that is not UTF-8 at odd offsets."""
        value = b'{"id": "1", \xff' if offset % 2 else b'{"id": "1",\r\n"text": wheat}'
        return Letter("s.events", partition, b"key", value, (("tenant", b"7"),))

    def resend(
        self, partition: int, offset: int, value: bytes | None, by: str, reason: str, now: datetime.datetime
    ) -> None:
        """Note it; of a missing one say so."""
        if offset > 1_000:
            raise ActionError("There is none.")
        self.sent.append((partition, offset, value))
        key = resent_key(self.state.name, partition, offset)
        mark = TriageRecord(
            what="dead-letter",
            name=key.partition("/")[2],
            decision="resent",
            by=by,
            reason=reason,
            at=now,
        )
        self.state.take(TriageEntry(key, mark))

    def accept(self, proposed: Control) -> None:
        """Note it, unless the broker is away."""
        if proposed.label == "away":
            raise BrokerError("No broker.")
        self.accepted.append(proposed)


@pytest.fixture
def actions() -> AtOnce:
    """Return actions on an empty stream."""
    return AtOnce(StreamState("s"))


@pytest.fixture
def url(actions: AtOnce) -> Iterator[str]:
    """Where the page is, behind a token."""
    made = application([actions.state], Guard("127.0.0.1", TOKEN), actions)
    with serving(made, "127.0.0.1", 0, "dashboard") as base:
        yield base


def post(
    url: str, body: Any, token: str = TOKEN, kind: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    """Send JSON, and return status and answer."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, sent, headers), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read()
        return error.code, json.loads(said) if said.startswith(b"{") else {}


MUTE = {"what": "label", "name": "wheat", "decision": "muted", "by": "Ada", "reason": "harvest", "hours": 2}


def test_a_decision_is_written_with_its_end(url: str, actions: AtOnce) -> None:
    """And taken back."""
    assert post(f"{url}/api/decide", MUTE) == (200, {"done": "Muted."})
    (kept,) = actions.state.triage.values()
    assert kept.until is not None
    assert kept.until - kept.at == datetime.timedelta(hours=2)
    assert post(f"{url}/api/withdraw", {"key": "label/wheat"})[0] == 200
    assert actions.state.triage == {}


def test_nothing_is_changed_without_the_token(url: str, actions: AtOnce) -> None:
    """Neither with a wrong one, nor by a form of another site, nor where the page has none at all."""
    assert post(f"{url}/api/decide", MUTE, token="wrong")[0] == 401
    assert post(f"{url}/api/decide", MUTE, kind="text/plain")[0] == 415
    unguarded = application([actions.state], Guard("127.0.0.1"), actions)
    with serving(unguarded, "127.0.0.1", 0, "dashboard") as base:
        status, said = post(f"{base}/api/decide", MUTE)
    assert (status, "Set dashboard.token" in said["problem"]) == (403, True)
    assert actions.state.triage == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b'{"key": "\xff"}',
        b'{"key": "\xed\xa0\x80"}',
        b'{"key": "\\ud800"}',
        b'{"key": "a", "more": ' + b"[" * 100_000,
        b'{"key": null}',
        b"[]",
    ],
)
def test_a_body_that_is_no_request_is_refused(url: str, body: bytes) -> None:
    """With a sentence, whatever it is made of."""
    status, said = post(f"{url}/api/withdraw", body)
    assert (status, list(said)) == (422, ["problem"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"hour": 4},
        {"by": ""},
        {"by": "x" * 101},
        {"reason": 7},
        {"hours": 0},
        {"hours": 1e9},
        {"what": "dead-letter"},
        {"decision": "resent"},
    ],
)
def test_what_is_wrong_is_said(url: str, actions: AtOnce, wrong: dict[str, Any]) -> None:
    """With the field."""
    status, said = post(f"{url}/api/decide", MUTE | wrong)
    assert (status, next(iter(wrong)) in said["problem"]) == (422, True)
    assert actions.state.triage == {}


def test_requests_are_bounded_and_failures_are_told(url: str, actions: AtOnce) -> None:
    """Each in a sentence."""
    assert post(f"{url}/api/resend", b'"' + b"x" * MOST_BYTES + b'"')[0] == 413
    missing = {"partition": 0, "at": 1_001, "by": "Ada"}
    assert post(f"{url}/api/resend", missing) == (409, {"problem": "There is none."})
    away = {"operation": "retire", "label": "away", "to": []}
    assert post(f"{url}/api/accept", away) == (503, {"problem": "No broker."})
    assert post(f"{url}/api/accept", {**away, "label": "x"})[0] == 200
    assert actions.accepted == [Control("retire", "x", [])]


def test_contents_are_shown_only_where_the_page_may_show_what_events_say(actions: AtOnce) -> None:
    """`dashboard.characters` 0 keeps them away."""
    for characters, shown in ((400, '{"id": "1",\r\n"text": wheat}'), (0, None)):
        # Another stream beside it has a setting of its own.
        states = [StreamState("s", characters=characters), StreamState("t", characters=400 - characters)]
        made = application(states, Guard("127.0.0.1"), actions)
        with serving(made, "127.0.0.1", 0, "dashboard") as base:
            answer = urllib.request.urlopen(f"{base}/api/letter?partition=0&at=2", timeout=10).read()
        found = json.loads(answer)
        assert (found["value"], found["bytes"]) == (shown, 27)
