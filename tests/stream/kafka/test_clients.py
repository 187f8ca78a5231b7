"""What the clients are made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.config import KafkaSettings
from stream.kafka import BrokerError
from stream.kafka.clients import _connection, consumer


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Not a broker that does not answer."""
    settings = KafkaSettings(security_protocol="SSL", ssl_cafile=tmp_path / "none")
    with pytest.raises(
        BrokerError, match=r"kafka\.ssl_cafile is .*none', which cannot be read: No such file"
    ):
        consumer(settings)


def test_addresses_may_have_space_between() -> None:
    """After the commas."""
    settings = KafkaSettings(bootstrap_servers="a:1, b:2")
    assert _connection(settings)["bootstrap_servers"] == ["a:1", "b:2"]
