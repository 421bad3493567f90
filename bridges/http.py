"""One provider's HTTP client: a pool of connections that all its calls share, limits, deadlines, and retries by table.

Whole answers may come over HTTP/2. Streams come over HTTP/1.1: closing a stream must stop the provider, and httpcore's
HTTP/2 does not reset one that is left early (docs/decisions/0019).
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

import httpx

from bridges.options import Remote
from bridges.retries import Refusal, refusal, wait_before
from mediaserver.breaker import RetryBudget
from mediaserver.clock import monotonic
from mediaserver.errors import BridgeError

MAX_ANSWER = 16 * 1024 * 1024
MAX_ERROR = 20_000
_TURNS = 4

Said = Callable[[bytes], tuple[str, str]]
"""Reads a provider's error body: its code and its message, each empty where there is none. Never raises."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Give at most one of ``json``, ``content`` and ``data`` with ``files`` (multipart)."""

    method: str
    path: str
    params: Mapping[str, Any] | list[tuple[str, Any]] | None = None
    headers: Mapping[str, str] | None = None
    json: Any = None
    content: bytes | None = None
    data: Mapping[str, Any] | None = None
    files: list[tuple[str, Any]] | None = None


class Http:
    """The client of one provider. ``who`` names it in errors, e.g. "the voice"."""

    def __init__(
        self, whole: httpx.AsyncClient, streams: httpx.AsyncClient, chosen: Remote, who: str, said: Said
    ) -> None:
        self._whole, self._streams = whole, streams
        self._chosen, self._who, self._said = chosen, who, said
        self._budget = RetryBudget()

    async def ask(self, request: Request, *, limit: int = MAX_ANSWER) -> bytes:
        """Return the body of a 2xx answer. Raises BridgeError, ``too_large`` for more than ``limit`` bytes."""
        async with self._answer(self._whole, request) as response, aclosing(self._pieces(response)) as pieces:
            body = bytearray()
            async for piece in pieces:
                body += piece
                if len(body) > limit:
                    raise BridgeError(f"{self._who} sent too large an answer", code="too_large")
            return bytes(body)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Give the body of a 2xx answer as it comes; leaving the context closes the connection, so the provider stops.

        Raises BridgeError, also inside the context.
        """
        async with self._answer(self._streams, request) as response, aclosing(self._pieces(response)) as pieces:
            try:
                yield pieces
            finally:
                _hang_up(response)

    async def warm(self) -> None:
        """Open a connection ahead of the first request; a failure is left to that request."""
        try:
            async with asyncio.timeout(self._chosen.connect_s):
                await (await self._streams.head("")).aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return

    @asynccontextmanager
    async def _answer(self, client: httpx.AsyncClient, request: Request) -> AsyncIterator[httpx.Response]:
        response = await self._sent(client, request)
        try:
            yield response
        finally:
            await response.aclose()

    async def _sent(self, client: httpx.AsyncClient, request: Request) -> httpx.Response:
        self._budget.offer(monotonic())
        for attempt in range(1, self._chosen.attempts + 1):
            try:
                return await self._once(client, request)
            except BridgeError as failure:
                wait = wait_before(failure, attempt, random.random())
                if wait is None or attempt == self._chosen.attempts or not self._budget.take(monotonic()):
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, client: httpx.AsyncClient, request: Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._chosen.connect_s + self._chosen.answer_s):
                response = await client.send(_built(client, request), stream=True)
        except (httpx.TimeoutException, TimeoutError):
            raise BridgeError(f"{self._who} did not answer in time", code="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as broken:
            # Its text may name the address; the class is enough.
            raise BridgeError(f"{self._who} cannot be reached ({type(broken).__name__})", code="unavailable") from None
        if response.is_success:
            return response
        try:
            raise await self._refused(response)
        finally:
            await response.aclose()

    async def _refused(self, response: httpx.Response) -> BridgeError:
        body = bytearray()
        async with aclosing(self._pieces(response)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ERROR:
                    break
        code, message = self._said(bytes(body))
        return refusal(self._who, Refusal(response.status_code, response.headers.get("Retry-After"), code, message))

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as pieces:
                async with asyncio.timeout(self._chosen.between_s):
                    piece = await anext(pieces, b"")
                while piece:
                    yield piece
                    async with asyncio.timeout(self._chosen.between_s):
                        piece = await anext(pieces, b"")
        except (httpx.TimeoutException, TimeoutError):
            raise BridgeError(f"{self._who} fell silent", code="timeout") from None
        except httpx.HTTPError as broken:
            raise BridgeError(f"{self._who} broke off ({type(broken).__name__})", code="connection_lost") from None


def _hang_up(response: httpx.Response) -> None:
    """Let the provider see at once that nobody wants the rest.

    Closing takes several steps of the loop, and a task that is cancelled twice would leave it half done: the connection
    would stay open, and the provider would go on.
    """
    wire = response.extensions.get("network_stream")
    sock = None if wire is None or response.is_closed else wire.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


def _built(client: httpx.AsyncClient, request: Request) -> httpx.Request:
    params = request.params if request.params is None or isinstance(request.params, list) else dict(request.params)
    return client.build_request(
        request.method,
        request.path,
        params=params,
        headers=dict(request.headers or {}),
        json=request.json,
        content=request.content,
        data=None if request.data is None else dict(request.data),
        files=request.files,
    )


_LATE = ("httpcore", "h2.connection", "anyio._backends._asyncio")
"""What httpx loads when it is first used."""


def _loaded() -> None:
    for name in _LATE:
        with suppress(ImportError):
            import_module(name)
    for http2 in (True, False):
        _tls(http2)


@cache
def _tls(http2: bool) -> ssl.SSLContext:  # httpcore writes the protocol into the context: one for each
    """The certificates that all clients trust: reading them takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def open_http(
    chosen: Remote, base_url: str, *, headers: Mapping[str, str], who: str, said: Said
) -> AsyncIterator[Http]:
    """Open the pool; ``base_url`` is the vendor's, where ``chosen`` names no other. Redirects are not followed."""
    base = (chosen.url or base_url).rstrip("/") + "/"
    timeout = httpx.Timeout(
        connect=chosen.connect_s,
        read=max(chosen.answer_s, chosen.between_s),
        write=chosen.between_s,
        pool=chosen.connect_s,
    )
    limits = httpx.Limits(max_connections=chosen.connections, max_keepalive_connections=20, keepalive_expiry=60)

    def client(*, http2: bool) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=base,
            headers=dict(headers),
            timeout=timeout,
            limits=limits,
            trust_env=False,
            verify=_tls(http2),
            http2=http2,
        )

    await asyncio.to_thread(_loaded)  # a tenth of a second the first time, which calls that run would hear
    async with client(http2=True) as whole, client(http2=False) as streams:
        try:
            yield Http(whole, streams, chosen, who, said)
        finally:
            for _ in range(
                _TURNS
            ):  # httpx's nested generators of an answer that was cut close in later turns of the loop
                await asyncio.sleep(0)
