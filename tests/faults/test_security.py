"""TLS and every way to say who we are, on the real Kafka: `pytest -m slow tests/faults/test_security.py`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.broker.brokers import NoBrokerError
from stream.config.settings import Settings
from stream.kafka import BrokerError, History, Writer, ensure_topics
from stream.records.topics import topic
from stream.worker.worker import Worker
from tests.faults.secured import PASSWORD, USER, make_certificate, secured_broker, unsecured_token
from tests.stream.kafka.test_oauth import endpoint
from tests.stream.live import on_a_thread, until
from tests.stream.standins import event, make_task

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

PASSWORDS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a secured broker's address and certificate."""
    folder = tmp_path_factory.mktemp("secured")
    try:
        with secured_broker(folder) as address:
            yield address, folder / "certificate.pem"
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")


def settings_for(broker: tuple[str, Path], stream: str, folder: Path, **kafka: Any) -> Settings:
    """Return settings that reach the broker."""
    address, certificate = broker
    reached = {"bootstrap_servers": address, "security_protocol": "SASL_SSL", "ssl_cafile": certificate}
    return Settings.model_validate(
        {"stream": stream, "kafka": reached | kafka, "snapshot": {"location": str(folder)}}
    )


def work(settings: Settings) -> None:
    """Write events, let a worker answer them, and read the answers back."""
    ensure_topics(settings.kafka, settings.stream)
    with Writer(settings.kafka, topic(settings.stream, "events")) as writer:
        for number in range(50):
            writer.send(event(number))

    def answered() -> bool:
        history = History(settings.kafka, topic(settings.stream, "predictions"))
        try:
            return len(list(history.records())) == 50
        finally:
            history.close()

    with on_a_thread(Worker(settings, make_task)):
        until(answered)


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_with_a_password(
    broker: tuple[str, Path],
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


def test_with_tokens_from_an_endpoint(broker: tuple[str, Path], stream_name: str, tmp_path: Path) -> None:
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


def test_with_a_token_in_a_file(broker: tuple[str, Path], stream_name: str, tmp_path: Path) -> None:
    """One that has expired does not work."""
    path = tmp_path / "token"
    oauth = {"sasl_mechanism": "OAUTHBEARER", "oauth_token_file": path}
    path.write_text(unsecured_token(USER, 300))
    work(settings_for(broker, stream_name, tmp_path, **oauth))
    path.write_text(unsecured_token(USER, -300))
    with pytest.raises(BrokerError):
        ensure_topics(settings_for(broker, stream_name, tmp_path, **oauth).kafka, stream_name)


def test_a_broker_that_nobody_vouches_for_is_not_trusted(
    broker: tuple[str, Path], stream_name: str, tmp_path: Path
) -> None:
    """The password does not reach it."""
    other = make_certificate(tmp_path)
    user = {"sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD}
    with pytest.raises(BrokerError):
        ensure_topics(settings_for((broker[0], other), stream_name, tmp_path, **user).kafka, stream_name)
