"""Tokens for brokers that require OAuth (SASL/OAUTHBEARER)."""

from __future__ import annotations

import base64
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import msgspec
from kafka.errors import SaslAuthenticationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

from stream.config import KafkaSettings

TOKEN_TIMEOUT_S = 10.0
"""Seconds that a token endpoint may take to answer."""
USED_FOR = 0.8
"""Share of a token's lifetime after which the next one is requested."""
LARGEST_TOKEN_RESPONSE = 1_000_000
"""Most bytes of a response that are read."""


class _TokenResponse(msgspec.Struct):
    access_token: str
    expires_in: float = 60.0


class FileToken(AbstractTokenProvider):
    """A token in a file that another process renews: read again for every connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """Return the content of the file.

        Raises
        ------
        SaslAuthenticationFailedError
            When it cannot be read; the message names the file.
        """
        try:
            return self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise SaslAuthenticationFailedError(
                f"the token file {self._path} cannot be read: {type(error).__name__}"
            ) from None


class ClientCredentials(AbstractTokenProvider):
    """Tokens from an endpoint, by client id and secret (RFC 6749, section 4.4).

    Parameters
    ----------
    endpoint
        URL of the token endpoint.
    client_id, client_secret
        Sent as HTTP Basic authentication.
    scope
        Scope to request, if given.
    clock
        Monotonic clock in seconds; tests pass their own.
    """

    def __init__(
        self,
        endpoint: str,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(client_secret)}"
        form = {"grant_type": "client_credentials"} | ({} if scope is None else {"scope": scope})
        self._endpoint = endpoint
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._form = urllib.parse.urlencode(form).encode()
        self._clock = clock
        self._token, self._until = "", -1.0

    def token(self) -> str:
        """Return a token that is still valid for a while.

        Raises
        ------
        SaslAuthenticationFailedError
            When the endpoint returns none; the message has its answer, but no secret.
        """
        now = self._clock()
        if now >= self._until:
            answer = self._ask()
            self._token, self._until = answer.access_token, now + USED_FOR * answer.expires_in
        return self._token

    def _ask(self) -> _TokenResponse:
        request = urllib.request.Request(
            self._endpoint, self._form, {"Authorization": self._authorization, "Accept": "application/json"}
        )
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TOKEN_TIMEOUT_S) as response:
                return msgspec.json.decode(response.read(LARGEST_TOKEN_RESPONSE), type=_TokenResponse)
        except urllib.error.HTTPError as error:
            said = f"it answered {error.code}"
        except (OSError, ValueError) as error:
            # The error's own text is left out, as the endpoint's response may contain a token.
            said = type(error).__name__
        raise SaslAuthenticationFailedError(f"the token endpoint {self._endpoint} gave no token: {said}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, so that the secret is sent to the configured endpoint only."""

    def redirect_request(self, *arguments: object) -> None:
        return None


def token_provider(settings: KafkaSettings) -> AbstractTokenProvider | None:
    """Return the token provider for these settings; None where OAuth is not used."""
    if settings.oauth_token_file is not None:
        return FileToken(settings.oauth_token_file)
    if settings.oauth_token_endpoint is None:
        return None
    secret = settings.oauth_client_secret
    return ClientCredentials(
        settings.oauth_token_endpoint,
        settings.oauth_client_id or "",
        "" if secret is None else secret.get_secret_value(),
        settings.oauth_scope,
    )
