"""What the page asks to be done: requests that change something, behind the token."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stream.actions import ActionError, Actions
from stream.kafka import BrokerError
from stream.records import Control, TriageRecord

MOST_BYTES = 8 * 2**20
"""Most bytes of a request: the largest event, with every character escaped."""
NO_TOKEN = (
    "Whoever can see this page could do that, as it has no token. Set dashboard.token (16 characters or "
    "more), and start the dashboard again."
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Reason = Annotated[str, msgspec.Meta(max_length=1_000)]


class Decide(msgspec.Struct, forbid_unknown_fields=True):
    """Acknowledge or mute something, for some hours; None of them (the default) is for good."""

    what: Literal["incident", "label", "detector"]
    name: str
    decision: Literal["acknowledged", "muted"]
    by: Name
    reason: Reason
    hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 366)] | None = None

    def act(self, actions: Actions, now: datetime.datetime) -> str:
        """Do it, and return what was done."""
        until = None if self.hours is None else now + datetime.timedelta(hours=self.hours)
        actions.decide(
            TriageRecord(
                what=self.what,
                name=self.name,
                decision=self.decision,
                by=self.by,
                reason=self.reason,
                at=now,
                until=until,
            )
        )
        return f"{self.decision.capitalize()}."


class Withdraw(msgspec.Struct, forbid_unknown_fields=True):
    """Take a decision back."""

    key: str

    def act(self, actions: Actions, now: datetime.datetime) -> str:
        """Do it, and return what was done."""
        del now
        actions.withdraw(self.key.encode())
        return "Taken back."


class Resend(msgspec.Struct, forbid_unknown_fields=True):
    """Send a dead letter again, with another value; None of that (the default) sends its own."""

    partition: int
    at: int
    by: Name
    reason: Reason = ""
    value: str | None = None

    def act(self, actions: Actions, now: datetime.datetime) -> str:
        """Do it, and return what was done."""
        value = None if self.value is None else self.value.encode()
        actions.resend(self.partition, self.at, value, self.by, self.reason, now)
        return "Sent again."


class Accept(msgspec.Struct, forbid_unknown_fields=True):
    """Write an operation on the taxonomy."""

    operation: str
    label: str
    to: list[str]

    def act(self, actions: Actions, now: datetime.datetime) -> str:
        """Do it, and return what was done."""
        del now
        actions.accept(Control(self.operation, self.label, self.to))
        return "Accepted; the workers apply it."


Asked = Decide | Withdraw | Resend | Accept
ASKED: dict[str, type[Asked]] = {"decide": Decide, "withdraw": Withdraw, "resend": Resend, "accept": Accept}
"""What can be asked for, by the last part of its address."""


def acting(actions: Actions | None, asked: type[Asked]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint for something that can be asked for; without actions it says what is missing."""
    decoder = msgspec.json.Decoder(asked)

    async def endpoint(request: Request) -> Response:
        if actions is None:
            return _said(NO_TOKEN, 403)
        # A form on another site can send any text, but not this type without asking the browser first.
        if request.headers.get("content-type") != "application/json":
            return _said("The request is no application/json. Send it as such.", 415)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return _said(f"A request has at most {MOST_BYTES:,} bytes.", 413)
        try:
            wanted = decoder.decode(body)
            now = datetime.datetime.now(datetime.UTC)
            return JSONResponse({"done": await run_in_threadpool(wanted.act, actions, now)})
        # Bytes that are not UTF-8, and nesting without end, are no errors of the decoder's own.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _said(f"{error}.", 422)
        except ActionError as error:
            return _said(str(error), 409)
        except BrokerError as error:
            return _said(str(error), 503)

    return endpoint


def _said(problem: str, status: int) -> Response:
    return JSONResponse({"problem": problem}, status)
