"""Where a partition begins is known, or it waits and says why."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stream.config.settings import Settings
from stream.kafka import BrokerError, Group
from stream.kafka.offsets import Offsets
from stream.snapshot import Identity, Store
from stream.telemetry.collector import Telemetry
from stream.worker.restoration import PartitionLoader
from tests.stream.standins import make_task


@pytest.mark.parametrize(("committed", "end", "begins"), [(None, 0, 0), (50, 50, 0), (50, 10, None)])
def test_a_committed_offset_beyond_the_end_is_waited_at_and_said(
    monkeypatch: pytest.MonkeyPatch, committed: int | None, end: int, begins: int | None
) -> None:
    """Records that come below it would get neither prediction nor dead letter."""
    known = SimpleNamespace(
        committed=lambda partition, topic_id: committed,
        end=lambda partition: end,
        beginning=lambda partition: 0,
        close=lambda: None,
    )
    monkeypatch.setattr(Offsets, "of", lambda settings: known)
    loader = PartitionLoader(Settings(stream="s"), make_task, cast("Group", None), Telemetry())
    store = Store(f"memory://{uuid.uuid4().hex}", "ithaca-s", Identity("s.events", "id", 0, "0" * 32))
    if begins is None:
        with pytest.raises(BrokerError, match=r"ends at offset 10, but group ithaca-s has committed 50"):
            loader._recover(store)
    else:
        assert loader._recover(store).task.next_offset == begins


@pytest.mark.parametrize(("committed", "begins"), [(None, None), (30, None), (40, 0), (50, 0)])
def test_an_offset_that_went_back_is_waited_at(
    monkeypatch: pytest.MonkeyPatch, committed: int | None, begins: int | None
) -> None:
    """What this worker committed, it would emit again; of a topic made anew nothing is known."""
    known = SimpleNamespace(
        committed=lambda partition, topic_id: committed,
        end=lambda partition: 60,
        beginning=lambda partition: 0,
        close=lambda: None,
    )
    monkeypatch.setattr(Offsets, "of", lambda settings: known)
    loader = PartitionLoader(Settings(stream="s"), make_task, cast("Group", None), Telemetry())
    given_up = SimpleNamespace(
        committed=40, task=SimpleNamespace(live_from=10), keeper=SimpleNamespace(topic_id="id")
    )
    loader.left(0, cast("Any", given_up))
    location = f"memory://{uuid.uuid4().hex}"
    store = Store(location, "ithaca-s", Identity("s.events", "id", 0, "0" * 32))
    if begins is None:
        with pytest.raises(
            BrokerError, match=r"had committed offset 40 of s\.events partition 0, and the bro"
        ):
            loader._recover(store)
    else:
        assert loader._recover(store).task.next_offset == begins
    anew = Store(location, "ithaca-s", Identity("s.events", "another", 0, "0" * 32))
    assert loader._recover(anew).task.next_offset == 0
