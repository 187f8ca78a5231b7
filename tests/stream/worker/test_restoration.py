"""Where a partition begins is known, or it waits and says why."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import cast

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
