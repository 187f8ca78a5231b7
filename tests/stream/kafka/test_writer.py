"""Writing outside a stream's transactions, to a broker that goes away."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from stream.broker.brokers import EmbeddedBroker, NoBrokerError
from stream.config import KafkaSettings
from stream.kafka import BrokerError, Writer, ensure_topics, write_together, writer
from stream.records import Control, Output, control_output


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """Return a broker that a test may end."""
    made = EmbeddedBroker()
    try:
        made.start()
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")
    yield made
    made.stop()


def write_until_it_goes(broker: EmbeddedBroker, topic: str, then: BaseException | None = None) -> None:
    """Write a record, and another one when the broker has gone; then end, with an error or without."""
    with Writer(KafkaSettings(bootstrap_servers=broker.address), topic) as sending:
        sending.send(b"1")
        sending.settle()
        broker.stop()
        sending.send(b"2")
        if then is not None:
            raise then


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokerError("no")])
def test_what_ends_a_writer_without_a_broker_is_passed_on_soon(
    broker: EmbeddedBroker, stream_name: str, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not what the client says of records that nobody waits for; and none of its threads goes on."""
    ensure_topics(KafkaSettings(bootstrap_servers=broker.address), stream_name)
    before, began = set(threading.enumerate()), time.monotonic()
    with pytest.raises(type(error)) as ended:
        write_until_it_goes(broker, f"{stream_name}.events", error)
    assert ended.value is error
    assert time.monotonic() - began < 5 * writer.GIVE_UP_S
    assert set(threading.enumerate()) <= before
    gc.collect()
    assert capsys.readouterr().err == ""


def test_records_that_no_broker_takes_are_an_error_of_the_broker(
    broker: EmbeddedBroker, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to look at before they are written again."""
    ensure_topics(KafkaSettings(bootstrap_servers=broker.address), stream_name)
    monkeypatch.setattr(writer, "ACKNOWLEDGE_TIMEOUT_S", 0.5)
    with pytest.raises(BrokerError, match=r"did not take a record: .*\. Others may have been written: look"):
        write_until_it_goes(broker, f"{stream_name}.events")


def test_a_transaction_without_a_broker_is_an_error_of_the_broker(
    broker: EmbeddedBroker, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the next step, which the page shows."""
    settings = KafkaSettings(bootstrap_servers=broker.address)
    ensure_topics(settings, stream_name)
    monkeypatch.setattr(writer, "ACKNOWLEDGE_TIMEOUT_S", 0.5)

    def outputs() -> Iterable[Output]:
        broker.stop()
        return [control_output(Control("add", "wheat"))]

    with pytest.raises(BrokerError, match=r"did not take the records: .*\. Look at them, and try again"):
        write_together(settings, stream_name, outputs)
