"""Contents of the view of dead letters; see `views`."""

from __future__ import annotations

from typing import Any

from stream.actions import ActionError, Actions
from stream.kafka import BrokerError
from stream.monitoring import DeadLetter, StreamState
from stream.records import resent_key

Json = dict[str, Any]
PAGE = 50
"""Dead letters sent at a time."""


def letters(state: StreamState, reason: str, page: int) -> Json:
    """Return a page of the latest dead letters, newest first: all, or those with a reason."""
    found = [each for each in reversed(state.dead_letters) if not reason or each.reason == reason]
    return {
        "letters": [_row(state, each) for each in found[page * PAGE : (page + 1) * PAGE]],
        "page": page,
        "pages": -(-len(found) // PAGE),
        "reasons": dict(state.reasons.most_common()),
        "kept": len(state.dead_letters),
    }


def _row(state: StreamState, letter: DeadLetter) -> Json:
    resent = state.triage.get(resent_key(state.name, letter.partition, letter.at))
    return {**letter._asdict(), "resent": resent and {"by": resent.by, "at": resent.at.timestamp()}}


def letter(actions: Actions, partition: int, at: int, *, shown: bool) -> Json:
    """Return a dead letter for the page; its contents only where the page may show what events say."""
    try:
        found = actions.letter(partition, at)
    except (ActionError, BrokerError) as error:
        return {"problem": str(error)}
    text = None if found.value is None else found.value.decode(errors="replace")
    return {
        "topic": found.topic,
        "partition": found.partition,
        "key": found.key and found.key.decode(errors="replace") if shown else None,
        "headers": [[name, value.decode(errors="replace")] for name, value in found.headers] if shown else [],
        "bytes": len(found.value or b""),
        "value": text if shown else None,
        "text": text is not None and text.encode(errors="replace") == found.value,
    }
