"""Apache Kafka with TLS and every way to say who we are, on loopback, with a certificate of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from stream.broker.brokers import KafkaBroker, answers
from stream.broker.processes import free_ports, spawn

USER, PASSWORD = "ithaca", "correct-horse-battery-staple"

SECURED = """
listeners=PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{secured},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.plain.sasl.jaas.config={security}.plain.PlainLoginModule required \
user_{user}="{password}";
listener.name.secured.scram-sha-256.sasl.jaas.config={security}.scram.ScramLoginModule required;
listener.name.secured.scram-sha-512.sasl.jaas.config={security}.scram.ScramLoginModule required;
listener.name.secured.oauthbearer.sasl.jaas.config={security}.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="broker";
"""


def make_certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that nobody else vouches for; return it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "keystore.pem").write_text(key.read_text() + certificate.read_text())
    return certificate


AUTHORITY = """
[ca]
default_ca=ours
[ours]
database={folder}/issued.txt
new_certs_dir={folder}
default_md=sha256
policy=named
rand_serial=yes
x509_extensions=server
unique_subject=no
[named]
commonName=supplied
[server]
subjectAltName=IP:127.0.0.1
"""


class Authority:
    """Issues certificates for 127.0.0.1; `certificate` is its own, by which clients trust them.

    Parameters
    ----------
    folder
        For its files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = make_certificate(folder)

    def issue(self, keystore: Path, *, expired: bool = False) -> None:
        """Write a new key and its certificate, or one that has expired, as a broker's keystore."""
        folder = self._folder
        (folder / "authority.cnf").write_text(AUTHORITY.format(folder=folder))
        (folder / "issued.txt").touch()
        key, request, issued = folder / "issued.key", folder / "issued.csr", folder / "issued.pem"
        ends = "20200102000000Z" if expired else "20991231000000Z"
        for command in (
            f"req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout {key} -out {request}",
            f"ca -config {folder}/authority.cnf -batch -notext -cert {self.certificate} -keyfile "
            f"{folder}/key.pem -in {request} -out {issued} -startdate 20200101000000Z -enddate {ends}",
        ):
            subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
        keystore.write_text(key.read_text() + issued.read_text())


def add_users(address: str, password: str = PASSWORD) -> None:
    """Let the broker know our user's salted passwords."""
    client = KafkaAdminClient(bootstrap_servers=address)
    try:
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            user = UserScramCredentialUpsertion(USER, mechanism, password)
            refused = client.alter_user_scram_credentials([user])
            assert not any(refused.values()), refused
    finally:
        client.close()


@contextmanager
def without(right: ACLOperation, kind: ResourceType, name: str, administrator: str) -> Iterator[None]:
    """Take a right to a topic or a group away from our user inside the block.

    The administrator is the address at which the broker trusts everyone.
    """
    place = ResourcePattern(kind, name)
    every = [
        ACL(f"User:{USER}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, place),
        ACL(f"User:{USER}", "*", right, ACLPermissionType.DENY, place),
    ]
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=administrator)) as client:
        client.create_acls(every)
        try:
            yield
        finally:
            client.delete_acls(every)


@contextmanager
def secured_broker(folder: Path) -> Iterator[tuple[str, str]]:
    """Run it inside the block; gives its address, and the one at which it trusts everyone on this machine.

    Its certificate is `certificate.pem` in the folder.

    Raises
    ------
    NoBrokerError
        When Apache Kafka cannot be had here.
    """
    make_certificate(folder)
    plain = KafkaBroker(folder)
    plain.start()
    try:
        assert plain.process is not None
        command = Path(f"/proc/{plain.process.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        add_users(plain.address)
    finally:
        plain.stop()
    (secured,) = free_ports(1)
    properties = (folder / "server.properties").read_text()
    controller = properties.partition("1@127.0.0.1:")[2].split()[0]
    added = SECURED.format(
        folder=folder,
        plain=plain.address.rpartition(":")[2],
        secured=secured,
        controller=controller,
        security="org.apache.kafka.common.security",
        user=USER,
        password=PASSWORD,
    )
    (folder / "secured.properties").write_text(properties + added)
    process = spawn(
        [*command[:-1], str(folder / "secured.properties")], folder / "secured.log", outlives_us=False
    )
    try:
        deadline = time.monotonic() + 120
        while not answers(plain.address):
            assert process.poll() is None, (folder / "secured.log").read_text()[-2_000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"127.0.0.1:{secured}", plain.address
    finally:
        process.terminate()
        process.wait(60)


def unsecured_token(subject: str, seconds: int) -> str:
    """Return a token without a signature, which a broker without an issuer's keys takes."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return f"{'.'.join(encoded)}."
