"""Settings: where they come from, which wins, and what is refused."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.config import KafkaSettings
from stream.config.loading import ConfigError, load
from stream.pipeline.factory import make_task


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("ITHACA_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a settings file."""
    path = tmp_path / "ithaca.toml"
    path.write_text(
        'stream = "news"\n'
        '[kafka]\nbootstrap_servers = "file:1"\npartitions = 3\n'
        '[learner]\nname = "priors"\nparameters = { half_life = 10.0 }\n'
    )
    return path


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearer to the person, the stronger."""
    monkeypatch.setenv("ITHACA_KAFKA__BOOTSTRAP_SERVERS", "env:1")
    monkeypatch.setenv("ITHACA_STREAM", "env")
    settings = load(file, stream="line", run=None)
    assert settings.stream == "line"
    assert settings.kafka.bootstrap_servers == "env:1"
    assert settings.kafka.partitions == 3
    assert settings.learner.parameters == {"half_life": 10.0}
    assert settings.group == "ithaca-line"


def test_a_secret_comes_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's content is the value, and no repr shows it."""
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("ITHACA_KAFKA__SASL_PASSWORD_FILE", str(secret))
    password = load().kafka.sasl_password
    assert password is not None
    assert password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(load())
    monkeypatch.setenv("ITHACA_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(
        ConfigError, match=r"ITHACA_KAFKA__SASL_PASSWORD_FILE names .*none, which cannot be read"
    ):
        load()


def test_parameters_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole table is one variable."""
    monkeypatch.setenv("ITHACA_LEARNER__PARAMETERS", '{"half_life": 7}')
    assert load().learner.parameters == {"half_life": 7}
    monkeypatch.setenv("ITHACA_LEARNER__PARAMETERS", "half_life")
    with pytest.raises(ConfigError, match="JSON"):
        load()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[kafka]\nbroker = 1\n",
            r"There is no setting kafka\.broker\. .*Section kafka has: .*bootstrap_servers",
        ),
        (
            "[kafca]\nx = 1\n",
            r"There is no setting kafca\. Did you mean 'kafka'\? The sections are: confidence, dashboard, "
            r".*worker; outside of them: envelope, run, stream\.",
        ),
        (
            "[worker]\nlatency_ms = 1\n",
            r"The setting worker\.latency_ms cannot be 1: .*greater than or equal to 5",
        ),
        ("[log]\nlevel = 'loud'\n", r"The setting log\.level cannot be 'loud': .*'debug'"),
        ("stream = 'a b'\n", r"The setting stream cannot be 'a b'"),
        ("stream = \n", r"is not TOML: .*line 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence names the key, what was got, and what there is."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load(path)


def test_what_is_quoted_is_to_be_written_as_it_stands(tmp_path: Path) -> None:
    """The sentence is no use to someone who wrote it in the wrong case, if it changes the case."""
    path = tmp_path / "s.toml"
    path.write_text('stream = "a/b"\n[kafka]\nsecurity_protocol = "sasl_ssl"\n')
    with pytest.raises(ConfigError, match="'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'") as caught:
        load(path)
    assert "[a-zA-Z0-9._-]" in str(caught.value)
    assert "string should" in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_as_editors_write_them(tmp_path: Path, end: str) -> None:
    """With a byte order mark, and with any ends of lines."""
    path = tmp_path / "s.toml"
    path.write_bytes(f'\ufeffstream = "news"{end}[http]{end}port = 1{end}'.encode())
    assert (load(path).stream, load(path).http.port) == ("news", 1)


@pytest.mark.parametrize(
    "text",
    [
        "[snapshot]\nkeep = true",
        "[snapshot]\nevery_s = true",
        "[snapshot]\nevery_records = true",
        "[snapshot]\nevery_s = inf",
        "[feedback]\nhorizon_s = inf",
        "[drift]\nbudget = inf",
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    """A boolean passes for 1 in Python; infinity would never come."""
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"The setting \w+\.\w+ cannot be (True|inf): "):
        load(path)


def test_a_secret_that_is_no_text_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a key in binary form is, which is mounted by mistake."""
    (tmp_path / "secret").write_bytes(b"hunter\xff")
    monkeypatch.setenv("ITHACA_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "secret"))
    with pytest.raises(
        ConfigError, match=r"SASL_PASSWORD_FILE names .*secret, which is not in UTF-8"
    ) as caught:
        load()
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A misspelt path is not taken for no file."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("ITHACA_KAFKA__BROKER", r"sets ITHACA_KAFKA__BROKER, but there is no setting kafka\.broker"),
        (
            "ITHACA_KAFCA__X",
            r"Did you mean 'kafka'\? The sections are: .*; outside of them: envelope, run",
        ),
        ("ITHACA_WORKER__LATENCY_MS", r"worker\.latency_ms cannot be 'soon'.*ITHACA_WORKER__LATENCY_MS"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused_by_name(
    variable: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt variable is not taken for no variable."""
    monkeypatch.setenv(variable, "soon")
    with pytest.raises(ConfigError, match=sentence):
        load()


def test_variables_that_are_no_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what looks like a section's key is judged."""
    monkeypatch.setenv("ITHACA_DATA", "/somewhere")
    assert load().stream == "ithaca"


def test_settings_are_frozen() -> None:
    """Nobody changes them while they are in use."""
    with pytest.raises(ValidationError, match="frozen"):
        load().kafka.partitions = 4


def test_the_run_name_follows_what_determines_results_and_nothing_else(file: Path) -> None:
    """Encoder and learner determine it, the stream's name does not."""
    first = load(file).run_name
    assert first.startswith("priors-")
    assert load(file, stream="other").run_name == first
    assert load(file, run="mine").run_name == "mine"
    file.write_text(file.read_text().replace("10.0", "11.0"))
    changed = load(file).run_name
    assert changed != first
    file.write_text(file.read_text() + '[drift]\nmonitors = ["labels"]\nbudget = 0.1\n')
    assert load(file).run_name != changed


def test_monitors_are_built_as_set(file: Path) -> None:
    """Those named and no others, with the detector named; nonsense is refused with what there is."""
    file.write_text(file.read_text() + '[drift]\nmonitors = ["labels", "errors"]\ndetector = "ddm"\n')
    state = make_task(load(file)).observer.monitors.state()["monitors"]
    assert set(state) == {"labels", "errors"}
    assert "subset-error/ddm" in state["errors"]
    file.write_text(file.read_text().replace("labels", "lables"))
    with pytest.raises(ValueError, match="no monitor 'lables': choose structure, errors"):
        make_task(load(file))


def test_a_user_without_a_home_has_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container may run under a uid that has neither HOME nor an entry in passwd."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert load().snapshot.location == str(tmp_path / "ithaca" / "snapshots")


@pytest.mark.parametrize(
    "servers",
    ["a:1", "a.b-c_d:9092, e:65535", "SASL_SSL://a:9093", "[::1]:9092", "10.0.0.1:9092,10.0.0.2:9092"],
)
def test_addresses_of_brokers(servers: str) -> None:
    """As Kafka's own clients take them."""
    assert KafkaSettings(bootstrap_servers=servers).bootstrap_servers == servers


@pytest.mark.parametrize(
    "servers", ["", "x", "x:y", ",,", "a:1,", ":9092", "a:0", "a:65536", "a:1 b:2", "::1:9092"]
)
def test_what_is_no_address_is_refused(servers: str) -> None:
    """Before a client fails with it."""
    with pytest.raises(ValidationError, match="bootstrap_servers"):
        KafkaSettings(bootstrap_servers=servers)


def test_a_topic_has_a_replica() -> None:
    """Or as many as the broker's default."""
    assert [KafkaSettings(replication_factor=factor).replication_factor for factor in (-1, 1)] == [-1, 1]
    with pytest.raises(ValidationError, match="no topic has no replica"):
        KafkaSettings(replication_factor=0)
