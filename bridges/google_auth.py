"""What a request to Google Cloud is allowed by: a service account's token, bought ahead of its end, or an API key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec

from bridges.google_account import LIFE_S, ServiceAccount, service_account
from bridges.http import Http, Request, open_http
from bridges.options import Remote
from mediaserver.clock import Clock, monotonic
from mediaserver.errors import BridgeError, ConfigError

EARLY_S = 300.0
"""A token is replaced so long before its end."""
MAX_TOKEN = 64 * 1024
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float


class GoogleToken:
    """The headers of one account's requests. A token is bought once for all who wait for it."""

    def __init__(self, http: Http, account: ServiceAccount, clock: Clock) -> None:
        self._http, self._account, self._clock = http, account, clock
        self._token, self._until = "", 0.0
        self._lock = asyncio.Lock()
        self._failure: BridgeError | None = None
        self._attempts = 0

    @property
    def project(self) -> str:
        """The project that the account belongs to."""
        return self._account.project

    async def headers(self) -> dict[str, str]:
        """Return what each request carries. Raises BridgeError: the token cannot be had."""
        attempts = self._attempts
        while self._clock() >= self._until:
            async with self._lock:
                if self._attempts != attempts and self._failure is not None:
                    raise self._failure  # who waited for an attempt does not make another
                if self._clock() >= self._until:
                    await self._buy()
        return {"Authorization": f"Bearer {self._token}"}

    async def _buy(self) -> None:
        self._failure = None
        try:
            answer = await self._answer()
        except BridgeError as failure:
            self._attempts += 1
            self._failure = failure
            raise
        self._attempts += 1
        self._token = answer.access_token
        self._until = self._clock() + max(1.0, min(answer.expires_in, LIFE_S) - EARLY_S)

    async def _answer(self) -> _Answer:
        form = {"grant_type": _GRANT, "assertion": self._account.assertion(time.time())}
        path = urlsplit(self._account.token_uri).path
        body = await self._http.ask(Request("POST", path, data=form), limit=MAX_TOKEN)
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise BridgeError("Google's accounts sent no token", code="protocol_error") from None
        if not answer.access_token.isprintable() or not answer.access_token.isascii():
            raise BridgeError("Google's accounts sent no token", code="protocol_error")
        return answer


class GoogleKey:
    """The header of an API key, for the services that take one; it belongs to no project that we could name."""

    project = ""

    def __init__(self, key: str) -> None:
        self._key = key

    async def headers(self) -> dict[str, str]:
        """Return what each request carries."""
        return {"X-Goog-Api-Key": self._key}


@asynccontextmanager
async def open_google_auth(
    chosen: Remote, credentials: str, clock: Clock = monotonic
) -> AsyncIterator[GoogleToken | GoogleKey]:
    """Open the way to a token for a service account's ``credentials`` (its JSON key, or the path of it), or take
    ``chosen.key`` as an API key.

    Raises ConfigError: neither is told, or the credentials are none.
    """
    if not credentials:
        if not chosen.key:
            raise ConfigError("credentials", "Google needs a service account's key, or an API key as `key`")
        yield GoogleKey(chosen.key)
        return
    account = service_account(credentials)
    parts = urlsplit(account.token_uri)
    remote = Remote(url=f"{parts.scheme}://{parts.netloc}", connect_s=chosen.connect_s, answer_s=10.0)
    async with open_http(remote, "", headers={}, who="Google's accounts", said=_said) as http:
        yield GoogleToken(http, account, clock)


def _said(body: bytes) -> tuple[str, str]:
    try:
        told = json.loads(body)
        return str(told.get("error", "")), str(told.get("error_description", ""))
    except (ValueError, AttributeError, RecursionError):
        return "", ""
