"""What can go wrong with a broker, in terms of what to do about it."""

from __future__ import annotations


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; says which, what it said, and the next step."""


class FencedError(RuntimeError):
    """A partition is not ours any more: another worker writes for it, or the group threw us out.

    Nothing of ours was emitted.
    """


class InstanceError(FencedError):
    """Another member of the group has our name; we are out of it until we are started again."""


class UnwrittenError(RuntimeError):
    """A transaction failed, or it is not known whether it was committed; `Outbox.reopen` settles which."""


class RecoveryError(RuntimeError):
    """What has to be relearned is gone from the broker; says which offsets, and what can be done."""
