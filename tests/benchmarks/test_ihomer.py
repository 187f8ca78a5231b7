"""The benchmark's account of where a message's time goes."""

from __future__ import annotations

from tests.benchmarks.ihomer import Parts, run, warmed


def test_parts_that_take_named_arguments_are_measured() -> None:
    """The models are told by name which of them sleeps."""
    learner, messages = warmed(labels=14, scale=0.005)
    parts = Parts(learner)
    run(learner, messages)
    assert parts.calls["models ask"] >= len(messages)
