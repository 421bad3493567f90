"""One small request to a provider before the connection: its key goes to the configured host only, its answer is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec

from bridges.link import refusal
from mediaserver.errors import BridgeError

MAX_ANSWER = 256 * 1024

T = TypeVar("T")


async def fetch(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: Any = None,
    limit: int = MAX_ANSWER,
) -> bytes:
    """Return the body of a 2xx answer of at most ``limit`` bytes; redirects are not followed.

    Raises BridgeError by status as a handshake does (:func:`bridges.link.refusal`), ``timeout``, ``unavailable``,
    ``too_large``. Its text never holds the address: that may be a credential.
    """
    try:
        request = http.build_request(method, url, headers=dict(headers), params=params, json=body)
        response = await http.send(request, stream=True, follow_redirects=False)
        try:
            if not response.is_success:
                raise refusal(response.status_code, response.headers.get("Retry-After"))
            return await _read(response, limit)
        finally:
            await response.aclose()
    except httpx.TimeoutException:
        raise BridgeError("the provider did not answer in time", code="timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise BridgeError("the provider could not be reached", code="unavailable") from None


async def _read(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            raise BridgeError("the provider sent too large an answer", code="too_large")
    return bytes(body)


def read(answer: bytes, kind: type[T]) -> T:
    """Return an answer that tells an address. Raises BridgeError, which repeats nothing of it."""
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BridgeError("the provider told no address", code="protocol_error") from None


def checked(address: str, base: str, domains: tuple[str, ...]) -> str:
    """Return a WebSocket address that a provider told, when it leads to ``base``'s host or into one of ``domains``.

    A domain stands for itself and everything below it. Without TLS only where ``base`` is without it too. Raises
    BridgeError: the address is a credential, so it must not be sent anywhere else.
    """
    told, configured = _split(address), _split(base)
    host = (told.hostname or "").lower()
    known = host == configured.hostname or any(host == name or host.endswith("." + name) for name in domains)
    secure = told.scheme == "wss" or (told.scheme == "ws" and configured.scheme in ("http", "ws"))
    if not host or not known or not secure or told.username is not None:
        raise BridgeError("the provider told an address that is not its own", code="refused", retryable=False)
    return address


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        raise BridgeError("the provider told an address that is none", code="protocol_error") from None
    return parts
