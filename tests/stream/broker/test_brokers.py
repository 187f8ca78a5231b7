"""Brokers start, take transactions, and stop; what is missing is said in one line."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from typer.testing import CliRunner

from stream.broker.brokers import (
    ADDRESS_VARIABLE,
    EmbeddedBroker,
    GivenBroker,
    KafkaBroker,
    LocalBroker,
    NoBrokerError,
    answers,
    choose,
)
from stream.broker.processes import Process
from stream.cli.main import app

DEPLOY = Path(__file__).parents[3] / "deploy" / "kafka"


def exchange(address: str, topic: str) -> list[bytes | None]:
    """Send one transaction that commits and one that aborts; return what a committed reader sees."""
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    producer = KafkaProducer(bootstrap_servers=address, transactional_id=topic)
    producer.init_transactions()
    for value, commit in ((b"aborted", False), (b"committed", True)):
        producer.begin_transaction()
        producer.send(topic, value)
        if commit:
            producer.commit_transaction()
        else:
            producer.flush()
            producer.abort_transaction()
    producer.close()
    return read(address, topic)


def read(address: str, topic: str) -> list[bytes | None]:
    """Return the committed values of a topic."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=address,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    deadline = time.monotonic() + 30
    values: list[bytes | None] = []
    while not values and time.monotonic() < deadline:
        values += [record.value for records in consumer.poll(200).values() for record in records]
    consumer.close()
    return values


def closed(address: str) -> bool:
    """Whether nothing listens there."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


@pytest.mark.kafka
def test_the_real_broker_takes_transactions(kafka: str, stream_name: str) -> None:
    """What the service needs of Apache Kafka."""
    assert exchange(kafka, stream_name) == [b"committed"]


def test_the_embedded_broker_takes_transactions(embedded_kafka: str, stream_name: str) -> None:
    """What the demo needs of its fallback."""
    assert exchange(embedded_kafka, stream_name) == [b"committed"]


@pytest.fixture(params=[pytest.param(KafkaBroker, marks=pytest.mark.kafka), EmbeddedBroker])
def kind(request: pytest.FixtureRequest) -> type[LocalBroker]:
    """Both kinds of broker that we run ourselves."""
    chosen: type[LocalBroker] = request.param
    return chosen


@contextlib.contextmanager
def running(broker: LocalBroker) -> Iterator[LocalBroker]:
    """Run a broker inside the block, or skip the test."""
    try:
        broker.start()
    except NoBrokerError as unavailable:
        pytest.skip(f"NO BROKER TO TEST WITH: {unavailable}")
    with contextlib.closing(contextlib.ExitStack()) as cleanup:
        cleanup.callback(broker.stop)
        yield broker


def test_a_broker_keeps_its_data_and_frees_its_port(
    kind: type[LocalBroker], tmp_path: Path, stream_name: str
) -> None:
    """Stopping loses nothing and leaves nothing listening."""
    with running(kind(tmp_path / "data")) as broker:
        process, first = broker.process, broker.address
        assert process is not None
        assert exchange(first, stream_name) == [b"committed"]
    assert not process.alive()
    assert closed(first)
    with running(kind(tmp_path / "data")) as again:
        assert read(again.address, stream_name) == [b"committed"]


@pytest.mark.kafka
def test_a_cluster_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are random; one in 64 begins with a dash, and is no option for that."""
    if (fetched := fetch()).returncode:
        pytest.skip(f"NO BROKER TO TEST WITH: {fetched.stderr}")
    random = tmp_path / "bin" / "head"
    random.parent.mkdir()
    program(random, r"printf '\370\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17'")
    monkeypatch.setenv("PATH", f"{random.parent}:{os.environ['PATH']}")
    with KafkaBroker(tmp_path / "data"):
        assert "cluster.id=-AEC" in (tmp_path / "data" / "log" / "meta.properties").read_text()


def test_a_broker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even a SIGKILL leaves no broker behind."""
    with running(EmbeddedBroker()):
        pass  # There is one to be had, or the test is skipped.
    script = f"""
from pathlib import Path
from stream.broker.brokers import EmbeddedBroker
broker = EmbeddedBroker(Path({str(tmp_path)!r}))
broker.start()
print(*broker.process, broker.address, flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=DEPLOY.parents[1],
    ) as starter:
        assert starter.stdout is not None
        words = starter.stdout.readline().split()
        assert words, "the script that starts a broker failed"
        process, address = Process(int(words[0]), words[1]), words[2]
        assert process.alive()
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.alive()
    assert closed(address)


def test_a_temporary_folder_goes_with_its_broker() -> None:
    """Without a data folder nothing stays on disk."""
    with running(EmbeddedBroker()) as broker:
        assert broker.process is not None
        arguments = Path(f"/proc/{broker.process.pid}/cmdline").read_bytes().split(b"\0")
        (folder,) = {part for part in map(_folder, arguments) if part}
        assert folder.is_dir()
    assert not folder.exists()


def _folder(argument: bytes) -> Path | None:
    head, mark, tail = argument.decode().partition("/ithaca-")
    return Path(f"{head}{mark}{tail.split('/')[0]}") if mark else None


def test_the_given_broker_comes_first_and_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set address wins, and nobody tries to stop it."""
    monkeypatch.setenv(ADDRESS_VARIABLE, "somewhere:9092")
    broker = choose()
    assert isinstance(broker, GivenBroker)
    assert broker.address == "somewhere:9092"
    broker.stop()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Take Java, Maven, jars and address away; return the folder that programs are looked up in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    # Only what a shell script may count on anywhere.
    for tool in (
        "sh",
        "sed",
        "dirname",
        "cmp",
        "sha256sum",
        "mkdir",
        "flock",
        "rm",
        "cp",
        "mv",
        "sleep",
        "grep",
        "tail",
    ):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    return folder


def program(path: Path, body: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


JAVA = 'echo "openjdk version \\"17.0.1\\"" >&2'
MAVEN = """
for word; do case $word in -DoutputDirectory=*) out=${word#*=} ;; esac; done
echo x >>"$(dirname "$0")/calls"
echo "Downloaded from central: a.jar"
echo jar >"$out/a.jar"
echo jar >"$out/b.jar"
"""


@pytest.mark.parametrize(
    ("java", "missing"),
    [
        (None, "Java is missing; install Java 17 or newer"),
        ('echo "openjdk version \\"11.0.2\\"" >&2', "needs Java 17 or newer, got 11"),
        ('echo "java version \\"1.8.0_392\\"" >&2', "needs Java 17 or newer, got 1;"),
        (JAVA, "Maven is missing"),
    ],
)
def test_what_is_missing_is_said_in_one_line(bare: Path, java: str | None, missing: str) -> None:
    """Java, its age and Maven are told apart."""
    if java:
        program(bare / "java", java)
    with pytest.raises(NoBrokerError, match=missing) as raised:
        KafkaBroker().start()
    assert "\n" not in str(raised.value)


def test_the_embedded_broker_is_the_last_choice(bare: Path) -> None:
    """Without Java the demo still has a broker."""
    try:
        broker = choose()
    except NoBrokerError as unavailable:
        pytest.skip(f"NO BROKER TO TEST WITH: {unavailable}")
    with contextlib.closing(contextlib.ExitStack()) as cleanup:
        cleanup.callback(broker.stop)
        assert broker.kind == "embedded"
        assert answers(broker.address)


def fetch(script: Path = DEPLOY / "kafka") -> subprocess.CompletedProcess[str]:
    """Run the script's fetch."""
    return subprocess.run(["sh", str(script), "fetch"], capture_output=True, text=True, check=False)


def jars(cache: Path) -> dict[str, str]:
    """Return the jars in the cache."""
    return {jar.name: jar.read_text() for jar in cache.glob("ithaca/kafka-*/*.jar")}


@pytest.mark.parametrize("damage", ["nothing", "lost", "cut", "no sums"])
def test_a_damaged_cache_is_fetched_again(bare: Path, tmp_path: Path, damage: str) -> None:
    """Every jar is checked before it is used."""
    program(bare / "java", JAVA)
    program(bare / "mvn", MAVEN)
    assert fetch().returncode == 0
    (jar,) = (tmp_path / "cache").glob("ithaca/kafka-*/b.jar")
    if damage == "lost":
        jar.unlink()
    elif damage == "cut":
        jar.write_text("j")
    elif damage == "no sums":
        (jar.parent / "SHA256SUMS").unlink()
    assert fetch().returncode == 0
    assert jars(tmp_path / "cache") == {"a.jar": "jar\n", "b.jar": "jar\n"}
    assert len((bare / "calls").read_text()) // 2 == (1 if damage == "nothing" else 2)


def test_fetchers_at_the_same_time_fetch_once(bare: Path, tmp_path: Path) -> None:
    """The others wait for the first and use what it fetched."""
    program(bare / "java", JAVA)
    program(bare / "mvn", MAVEN)
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(fetch().returncode)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 4
    assert (bare / "calls").read_text() == "x\n"
    assert len(jars(tmp_path / "cache")) == 2


@pytest.mark.parametrize(
    ("maven", "said"),
    [
        ("exec sleep 60", "Maven's repository does not answer"),
        ('echo "[ERROR] Unknown host repo"; exit 1', r"Maven failed: \[ERROR\] Unknown host repo"),
    ],
)
def test_a_repository_that_is_silent_or_fails_is_found_out(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, maven: str, said: str
) -> None:
    """A fetch that cannot work says so soon and leaves no half cache."""
    program(bare / "java", JAVA)
    program(bare / "mvn", maven)
    script = tmp_path / "kafka"
    script.write_text((DEPLOY / "kafka").read_text().replace("first_answer=12", "first_answer=1"))
    shutil.copy(DEPLOY / "pom.xml", tmp_path)
    monkeypatch.setattr("stream.broker.brokers._script", lambda: script)
    with pytest.raises(NoBrokerError, match=said) as raised:
        KafkaBroker().start()
    assert "\n" not in str(raised.value)
    assert not jars(tmp_path / "cache")


def test_the_command_starts_finds_and_stops_a_broker(bare: Path) -> None:
    """The three commands agree on one broker."""
    runner = CliRunner()
    assert runner.invoke(app, ["broker", "status"]).exit_code == 1
    started = runner.invoke(app, ["broker", "start"])
    if started.exit_code:
        pytest.skip(f"NO BROKER TO TEST WITH: {started.stderr}")
    try:
        name, _, address = started.stdout.strip().partition("=")
        assert name == f"export {ADDRESS_VARIABLE}"
        assert answers(address)
        assert runner.invoke(app, ["broker", "start"]).stdout == started.stdout
        assert runner.invoke(app, ["broker", "status"]).stdout == started.stdout
    finally:
        stopped = runner.invoke(app, ["broker", "stop"])
    assert stopped.exit_code == 0
    assert closed(address)
    again = runner.invoke(app, ["broker", "stop"])
    assert (again.exit_code, "No broker was started" in again.stderr) == (1, True)


def test_status_tells_a_dead_broker_from_another_process_with_its_pid(bare: Path, tmp_path: Path) -> None:
    """A pid alone proves nothing."""
    folder = tmp_path / "state" / "ithaca" / "broker"
    folder.mkdir(parents=True)
    (folder / "running.json").write_text(
        f'{{"kind": "kafka", "address": "127.0.0.1:1", "data": "d", "pid": {os.getpid()}, "birth": "1"}}'
    )
    status = CliRunner().invoke(app, ["broker", "status"])
    assert (status.exit_code, "has ended" in status.stderr) == (1, True)
    assert CliRunner().invoke(app, ["broker", "stop"]).exit_code == 1
    assert not (folder / "running.json").exists()


def test_the_embedded_brokers_binary_is_made_executable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some installers drop that from a wheel; whoever else may read it still may."""
    binary = tmp_path / "noida-db"
    binary.touch(0o644)
    monkeypatch.setattr(EmbeddedBroker, "_binary", staticmethod(lambda: binary))
    assert EmbeddedBroker()._command(tmp_path, 9092)[0] == str(binary)
    assert binary.stat().st_mode & 0o777 == 0o744
    binary.chmod(0o555)
    EmbeddedBroker()._command(tmp_path, 9092)
    assert binary.stat().st_mode & 0o777 == 0o555
