"""What can go wrong with a broker, in terms of what to do about it."""

from __future__ import annotations


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; says which, what it said, and the next step."""


class FencedError(RuntimeError):
    """Another worker has taken this one's place; nothing of ours was emitted."""


class UnwrittenError(RuntimeError):
    """A transaction failed, or it is not known whether it was committed; `Outbox.reopen` settles which."""


class RecoveryError(RuntimeError):
    """What has to be relearned is gone from the broker; says which offsets, and what can be done."""
