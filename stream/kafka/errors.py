"""Errors of working with a broker, divided by what can be done about them."""

from __future__ import annotations


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; the message names it, its answer, and the next step."""


class FencedError(RuntimeError):
    """A partition is no longer ours: another worker writes for it, or the group removed this worker.

    Nothing of the batch was emitted.
    """


class InstanceError(FencedError):
    """Another member of the group has the same instance name; this one must be started again."""


class UnwrittenError(RuntimeError):
    """A transaction failed, or its outcome is unknown; `Outbox.reopen` resolves it."""


class RecoveryError(RuntimeError):
    """Records to be relearned have been deleted; the message names the offsets, and what can be done."""
