"""Three brokers of Apache Kafka on loopback: replicated three times, two of which must be in sync.

At `address` they trust everyone; at `secured` they have certificates and want a password.
"""

from __future__ import annotations

import base64
import itertools
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.broker.brokers import KafkaBroker, NoBrokerError, answers
from stream.broker.processes import free_ports, spawn
from tests.faults.secured import Authority

NODES = (1, 2, 3)
START_S = 120.0

PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.secured.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs={folder}/log
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
"""


class Cluster:
    """The brokers; each is also a controller.

    Parameters
    ----------
    folder
        For their data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = iter(free_ports(3 * len(NODES)))
        self._ports, self._secured, self._controllers = (
            dict(zip(NODES, itertools.islice(ports, len(NODES)), strict=True)) for _ in range(3)
        )
        self.authority = Authority(folder)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.address, self.secured = (
            ",".join(f"127.0.0.1:{port}" for port in each.values()) for each in (self._ports, self._secured)
        )

    def _java(self, *arguments: str) -> list[str]:
        pom = (Path(__file__).parents[2] / "deploy" / "kafka" / "pom.xml").read_text()
        (version,) = re.findall(r"<kafka\.version>(.*)</kafka\.version>", pom)
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        jars = cache / "ithaca" / f"kafka-{version}"
        log4j = Path(__file__).parents[2] / "deploy" / "kafka" / "log4j2.properties"
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *options, f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{jars}/*", *arguments]

    def format(self) -> None:
        """Prepare the brokers' folders."""
        KafkaBroker()._prepare()
        name = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in self._controllers.items())
        for node in NODES:
            folder = self._folder / str(node)
            folder.mkdir(parents=True)
            settings = PROPERTIES.format(
                node=node,
                voters=voters,
                port=self._ports[node],
                secured=self._secured[node],
                controller=self._controllers[node],
                folder=folder,
            )
            (folder / "server.properties").write_text(settings)
            self.certify(node)
            tool = ["kafka.tools.StorageTool", "format", "--cluster-id", name, "--config"]
            subprocess.run(
                [*self._java(*tool), str(folder / "server.properties")], check=True, capture_output=True
            )

    def certify(self, node: int, *, expired: bool = False) -> None:
        """Give a broker a new certificate, which it reads when it is started."""
        self.authority.issue(self._folder / str(node) / "keystore.pem", expired=expired)

    def restart(self, node: int) -> None:
        """Stop a broker in order, and start it again."""
        self.end(node, signal.SIGTERM)
        self.start(node)
        self.wait(node)

    def start(self, node: int) -> None:
        """Start a broker, without waiting for it."""
        folder = self._folder / str(node)
        command = self._java("kafka.Kafka", str(folder / "server.properties"))
        self._running[node] = spawn(command, folder / "broker.log", outlives_us=False)

    def end(self, node: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill a broker, or stop it in order."""
        process = self._running.pop(node)
        process.send_signal(number)
        process.wait(60)

    def wait(self, node: int) -> None:
        """Wait until a broker answers, and all partitions have all their replicas again."""
        deadline = time.monotonic() + START_S
        while not answers(f"127.0.0.1:{self._ports[node]}") or self._under_replicated():
            assert time.monotonic() < deadline, f"broker {node} is not back"
            time.sleep(0.5)

    def _under_replicated(self) -> bool:
        client = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            return any(
                len(partition["isr_nodes"]) < len(NODES)
                for found in client.describe_topics()
                for partition in found["partitions"]
            )
        except KafkaError:
            return True
        finally:
            client.close()

    def leader(self, name: str, partition: int = 0) -> int:
        """Return which broker leads a partition."""
        client = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            (found,) = client.describe_topics([name])
            return int(found["partitions"][partition]["leader_id"])
        finally:
            client.close()

    def stop(self) -> None:
        """Kill all that run."""
        for node in list(self._running):
            self.end(node)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run three brokers inside the block."""
    made = Cluster(folder)
    try:
        made.format()
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")
    try:
        for node in NODES:
            made.start(node)
        for node in NODES:
            made.wait(node)
        yield made
    finally:
        made.stop()
