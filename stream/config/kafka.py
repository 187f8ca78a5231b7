"""The section of the settings that says how the broker is reached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from stream.config.components import Section

_SERVER = re.compile(r"(?:[A-Za-z_]+://)?(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})")


class KafkaSettings(Section):
    """How to connect to the broker.

    Parameters
    ----------
    bootstrap_servers
        Comma-separated `host:port` of one or more brokers.
    security_protocol, sasl_mechanism
        What the broker requires; a mechanism is only used with the two `SASL_` protocols. `PLAINTEXT` and
        `SASL_PLAINTEXT` can be read and altered in transit.
    sasl_username, sasl_password
        For `PLAIN` and `SCRAM`.
    oauth_token_endpoint, oauth_client_id, oauth_client_secret, oauth_scope
        For `OAUTHBEARER` by client credentials: URL of the token endpoint (https, or http on this machine),
        the client's id and secret there, and the scope it requests.
    oauth_token_file
        For `OAUTHBEARER`: a file with a token that another program renews, instead of an endpoint.
    ssl_cafile, ssl_certfile, ssl_keyfile, ssl_password
        Paths: the trusted certificate authority; the service's certificate and key, and the key's passphrase,
        where the broker requires a certificate.
    partitions, replication_factor
        Of topics that do not exist yet; a factor of -1 uses the broker's default. Partitions limit the
        number of workers that share the stream; changing their number later splits what was learned.
    compression
        Compression of the records that are written. zstd is smallest, lz4 cheapest.
    """

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    oauth_token_endpoint: str | None = Field(
        default=None, pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$))"
    )
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None
    oauth_scope: str | None = None
    oauth_token_file: Path | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: SecretStr | None = None
    partitions: int = Field(default=1, ge=1)
    replication_factor: int = Field(default=-1, ge=-1)
    compression: Literal["lz4", "zstd", "gzip"] | None = "lz4"

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for server in value.split(","):
            found = _SERVER.fullmatch(server.strip())
            if found is None or not 0 < int(found[1]) < 65_536:
                raise ValueError(f"{server!r} is no address; write host:port, several with commas between")
        return value

    @field_validator("replication_factor")
    @classmethod
    def _is_a_factor(cls, value: int) -> int:
        if value == 0:
            raise ValueError("no topic has no replica; write 1 or more, or -1 for the broker's default")
        return value

    @property
    def unreadable(self) -> list[str]:
        """What is wrong with the files that are named: a sentence for each that cannot be read here."""
        named = {name: getattr(self, name) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
        wrong = []
        for name, path in named.items():
            try:
                if path is not None:
                    path.open("rb").close()
            except OSError as error:
                wrong.append(f"kafka.{name} is {str(path)!r}, which cannot be read: {error.strerror}.")
        return wrong

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse settings with which no broker can be reached."""
        asked = self.security_protocol.startswith("SASL_")
        if asked != (self.sasl_mechanism is not None):
            raise ValueError(
                f"security_protocol {self.security_protocol} and sasl_mechanism {self.sasl_mechanism} do "
                "not go together"
            )
        missing = [name for name in self._needed() if getattr(self, name) is None]
        if missing:
            raise ValueError(f"sasl_mechanism {self.sasl_mechanism} needs {' and '.join(missing)}")
        return self

    def _needed(self) -> tuple[str, ...]:
        if self.sasl_mechanism is None or self.oauth_token_file is not None:
            return ()
        if self.sasl_mechanism == "OAUTHBEARER":
            return ("oauth_token_endpoint", "oauth_client_id", "oauth_client_secret")
        return ("sasl_username", "sasl_password")
