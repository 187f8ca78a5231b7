"""Secrets go to the broker and to the token endpoint, and nowhere else."""

from __future__ import annotations

import json
import logging
import os
import traceback
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from stream.config.loading import ConfigError, load
from stream.config.settings import Settings
from stream.kafka import BrokerError, clients, ensure_topics
from stream.telemetry import logs
from stream.telemetry.collector import Telemetry
from stream.telemetry.endpoints import serve_metrics
from stream.worker.service import build

PLANTED = "correct-horse-battery-staple"
PASSWORD = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "ithaca",
    "bootstrap_servers": "127.0.0.1:9",
}
OAUTH = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "OAUTHBEARER",
    "oauth_token_endpoint": "http://localhost:9/token",
    "oauth_client_id": "ithaca",
    "bootstrap_servers": "127.0.0.1:9",
}
WAYS = [(PASSWORD, "sasl_password"), (OAUTH, "oauth_client_secret"), (PASSWORD, "ssl_password")]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("ITHACA_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(params=WAYS, ids=[name for _, name in WAYS])
def planted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Plant a secret in a file that the environment names; return the setting's name."""
    plain, name = request.param
    for key, value in plain.items():
        monkeypatch.setenv(f"ITHACA_KAFKA__{key.upper()}", value)
    if name == "ssl_password":
        monkeypatch.setenv("ITHACA_KAFKA__SASL_PASSWORD", PLANTED)
    secret = tmp_path / "secret"
    secret.write_text(f"{PLANTED}\n")
    monkeypatch.setenv(f"ITHACA_KAFKA__{name.upper()}_FILE", str(secret))
    return str(name)


COMMANDS = [
    ["check-config"],
    ["check-config", "--config", "{bad}"],
    ["check-config", "--stream", "not a name"],
    ["--help"],
    ["run", "--help"],
    ["evaluate", "{events}"],
    *(
        pytest.param(command, marks=pytest.mark.slow)
        for command in (["run"], ["produce", "{events}"], ["replay"])
    ),
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_no_command_shows_a_secret(
    planted: str, command: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither on its outputs, nor in the log, nor in the traceback of what it raised."""
    (tmp_path / "bad.toml").write_text(f'[kafka]\n{planted} = 5\n[worker]\nlatency_ms = "soon"\n')
    (tmp_path / "events.jsonl").write_text('{"id": "1", "ts": 0, "text": "a", "labels": ["b"]}')
    paths = {"bad": tmp_path / "bad.toml", "events": tmp_path / "events.jsonl"}
    with caplog.at_level(logging.DEBUG):
        result = CliRunner().invoke(app, [part.format(**paths) for part in command])
    raised = "".join(traceback.format_exception(result.exception)) if result.exception else ""
    assert PLANTED not in result.output + raised + caplog.text
    assert result.output
    if command == ["check-config"]:
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["kafka"][planted] == "**********"


def test_metrics_and_logs_hold_no_secret(
    planted: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything logged that there is."""
    # Nobody answers, and what is logged meanwhile repeats itself.
    monkeypatch.setattr(clients, "BOOTSTRAP_MS", 500)
    settings = load()
    secret = getattr(settings.kafka, planted)
    assert secret is not None
    assert secret.get_secret_value() == PLANTED
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        logs.configure_logs("debug", "json")
        logging.getLogger("test").info("settings: %s %r", settings, settings)
        with pytest.raises(BrokerError):
            ensure_topics(settings.kafka, settings.stream)
        with (
            serve_metrics(Telemetry(build(settings))) as url,
            urllib.request.urlopen(f"{url}/metrics") as answer,
        ):
            assert PLANTED not in answer.read().decode()
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    said = capfd.readouterr()
    assert "settings: " in said.err
    assert PLANTED not in said.out + said.err


BAD: list[tuple[dict[str, Any], str]] = [
    ({"sasl_password": {"oops": PLANTED}}, r"kafka\.sasl_password cannot be a secret: "),
    ({"ssl_password": [PLANTED]}, r"kafka\.ssl_password cannot be a secret: "),
    ({"oauth_client_secret": 5}, r"kafka\.oauth_client_secret cannot be a secret: "),
    ({**PASSWORD, "sasl_password": PLANTED, "sasl_username": None}, r"PLAIN needs sasl_username"),
    ({**PASSWORD, "sasl_mechanism": None, "sasl_password": PLANTED}, r"do not go together"),
    ({"sasl_mechanism": "PLAIN", "sasl_password": PLANTED}, r"do not go together"),
    ({**OAUTH, "oauth_client_id": None}, r"needs oauth_client_id and oauth_client_secret"),
    ({"oauth_token_endpoint": "http://example.com/token"}, r"kafka\.oauth_token_endpoint cannot be"),
    ({"oauth_token_endpoint": "http://localhost.example.com/"}, r"kafka\.oauth_token_endpoint cannot be"),
    ({"sasl_passwort": PLANTED}, r"There is no setting kafka\.sasl_passwort\."),
]


@pytest.mark.parametrize(("kafka", "sentence"), BAD)
def test_what_is_refused_is_named_and_no_secret_is_shown(kafka: dict[str, Any], sentence: str) -> None:
    """Whether the secret is what is wrong or stands beside it."""
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(kafka=kafka)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_a_section_that_cannot_be_read_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a secret."""
    for text in (f'{{"sasl_password": "{PLANTED}"', f'["{PLANTED}"]', f'"{PLANTED}"'):
        monkeypatch.setenv("ITHACA_KAFKA", text)
        with pytest.raises(ConfigError) as caught:
            load()
        assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_http_is_on_loopback_by_default() -> None:
    """Whoever reaches it reads everything it says."""
    assert Settings().http.host == "127.0.0.1"
    with serve_metrics(Telemetry()) as url:
        assert url.startswith("http://127.0.0.1:")
