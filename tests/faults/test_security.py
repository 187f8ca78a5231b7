"""TLS and every way to say who we are, on the real Kafka: `pytest -m slow tests/faults/test_security.py`."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka.admin import ACLOperation, ResourceType

from stream.broker.brokers import NoBrokerError
from stream.config import KafkaSettings
from stream.config.settings import Settings
from stream.kafka import BrokerError, History, Writer, ensure_topics
from stream.records.topics import topic
from stream.telemetry.collector import Telemetry
from stream.worker.worker import Worker
from tests.faults.secured import PASSWORD, USER, make_certificate, secured_broker, unsecured_token, without
from tests.stream.kafka.test_oauth import endpoint
from tests.stream.live import on_a_thread, until
from tests.stream.standins import event, make_task

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

PASSWORDS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Secured(NamedTuple):
    """A broker's secured address, its certificate, and the address at which it trusts everyone."""

    address: str
    certificate: Path
    administrator: str


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Give a secured broker."""
    folder = tmp_path_factory.mktemp("secured")
    try:
        with secured_broker(folder) as (address, administrator):
            yield Secured(address, folder / "certificate.pem", administrator)
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")


def settings_for(broker: Secured, stream: str, folder: Path, **kafka: Any) -> Settings:
    """Return settings that reach the broker."""
    reached = {
        "bootstrap_servers": broker.address,
        "security_protocol": "SASL_SSL",
        "ssl_cafile": broker.certificate,
    }
    return Settings.model_validate(
        {"stream": stream, "kafka": reached | kafka, "snapshot": {"location": str(folder)}}
    )


def write(settings: Settings) -> None:
    """Write 50 events."""
    with Writer(settings.kafka, topic(settings.stream, "events")) as writer:
        for number in range(50):
            writer.send(event(number))


def answered(settings: Settings) -> int:
    """Return the number of predictions."""
    with contextlib.closing(History(settings.kafka, topic(settings.stream, "predictions"))) as history:
        return len(list(history.records()))


def work(settings: Settings) -> None:
    """Write events, let a worker answer them, and read the answers back."""
    ensure_topics(settings.kafka, settings.stream)
    write(settings)
    with on_a_thread(Worker(settings, make_task)):
        until(lambda: answered(settings) == 50)


PLAIN = {"sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD}

RIGHTS = {
    "to read events": (ACLOperation.READ, ResourceType.TOPIC, "{0}.events"),
    "to the events": (ACLOperation.ALL, ResourceType.TOPIC, "{0}.events"),
    "to read as the group": (ACLOperation.READ, ResourceType.GROUP, "ithaca-{0}"),
    "to write predictions": (ACLOperation.WRITE, ResourceType.TOPIC, "{0}.predictions"),
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_that_is_missing_for_seconds_is_waited_for(
    broker: Secured, stream_name: str, tmp_path: Path, right: str
) -> None:
    """The worker says that it is not ready, and goes on when it has the right again."""
    settings, telemetry = settings_for(broker, stream_name, tmp_path, **PLAIN), Telemetry()
    ensure_topics(settings.kafka, stream_name)
    write(settings)
    operation, kind, name = RIGHTS[right]
    with on_a_thread(Worker(settings, make_task, telemetry)):
        until(lambda: answered(settings) == 50 and telemetry.status().ready)
        with without(operation, kind, name.format(stream_name), broker.administrator):
            time.sleep(1.0)
            as_administrator = settings.model_copy(
                update={"kafka": KafkaSettings(bootstrap_servers=broker.administrator)}
            )
            write(as_administrator)
            until(lambda: not telemetry.status().ready, 20.0)
            for _ in range(40):
                time.sleep(0.1)
                assert not telemetry.status().ready, telemetry.status().readiness
        until(lambda: answered(settings) == 100 and telemetry.status().ready, 60.0)


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_with_a_password(
    broker: Secured,
    stream_name: str,
    tmp_path: Path,
    mechanism: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The right one works; the wrong one does not, and neither is shown."""
    user = {"sasl_mechanism": mechanism, "sasl_username": USER}
    with caplog.at_level(logging.DEBUG):
        work(settings_for(broker, stream_name, tmp_path, **user, sasl_password=PASSWORD))
        wrong = settings_for(broker, stream_name, tmp_path, **user, sasl_password="hunter2hunter2")
        with pytest.raises(BrokerError) as caught:
            ensure_topics(wrong.kafka, stream_name)
    shown = "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.INFO)
    assert PASSWORD not in shown + str(caught.value)
    assert "hunter2hunter2" not in shown + str(caught.value)


def test_with_tokens_from_an_endpoint(broker: Secured, stream_name: str, tmp_path: Path) -> None:
    """By client id and secret."""
    asked: list[str] = []

    def answer(form: dict[str, list[str]], authorization: str) -> tuple[int, bytes]:
        asked.append(authorization)
        token = {"access_token": unsecured_token(USER, 300), "expires_in": 300}
        return 200, json.dumps(token).encode()

    with endpoint(answer) as url:
        oauth = {"oauth_token_endpoint": url, "oauth_client_id": "me", "oauth_client_secret": PASSWORD}
        work(settings_for(broker, stream_name, tmp_path, sasl_mechanism="OAUTHBEARER", **oauth))
    assert asked


def test_with_a_token_in_a_file(broker: Secured, stream_name: str, tmp_path: Path) -> None:
    """One that has expired does not work."""
    path = tmp_path / "token"
    oauth = {"sasl_mechanism": "OAUTHBEARER", "oauth_token_file": path}
    path.write_text(unsecured_token(USER, 300))
    work(settings_for(broker, stream_name, tmp_path, **oauth))
    path.write_text(unsecured_token(USER, -300))
    with pytest.raises(BrokerError):
        ensure_topics(settings_for(broker, stream_name, tmp_path, **oauth).kafka, stream_name)


def test_a_broker_that_nobody_vouches_for_is_not_trusted(
    broker: Secured, stream_name: str, tmp_path: Path
) -> None:
    """The password does not reach it."""
    untrusted = broker._replace(certificate=make_certificate(tmp_path))
    with pytest.raises(BrokerError):
        ensure_topics(settings_for(untrusted, stream_name, tmp_path, **PLAIN).kafka, stream_name)
