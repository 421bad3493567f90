"""Passes a request on to the worker whose it is, over that worker's private socket; HTTP and WebSocket alike, and only once.

What comes over the private socket is answered here whatever it names. A worker that is gone has taken its calls with it:
that is answered as if the call had ended. One that is there but does not answer in time is a 503.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

import aiohttp
from aiohttp import ClientSession, ClientTimeout, UnixConnector, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from mediaserver.cluster.place import Place
from mediaserver.errors import Overloaded
from signaling.auth import PROTOCOL, subprotocols
from signaling.body import read_bytes, take
from signaling.door import DOOR
from signaling.ownership import Owned, in_turn, owned
from signaling.private import CLIENT, address_of, is_private
from signaling.relay import Relay, connect

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_OPEN = 2048
"""Requests and WebSockets that one worker passes on to one other at a time; more wait for CONNECT_S."""
MAX_ANSWER = 16 << 20
CONNECT_S = 2.0
ANSWER_S = 20.0
"""Hanging up may take half of it."""

_OUR_OWN = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
        "content-length", "content-encoding", "date", "server", "vary", CLIENT.lower(),
    }
)  # fmt: skip
"""Headers that are about one connection (RFC 9110 §7.6.1), or that whoever passes a message on writes anew."""
_SOCKETS_OWN = frozenset({"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})
_WRITTEN_BY_CLIENTS = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)


class Neighbours:
    """The other workers as this one reaches them, once :meth:`opened`. ``relay`` has their WebSockets."""

    def __init__(self, place: Place, relay: Relay) -> None:
        self._place = place
        self._relay = relay
        self._sessions: dict[int, ClientSession] = {}
        self._turns = cycle((None, *place.others))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Be ready to reach the others until the block is left. They need not be there yet."""
        async with AsyncExitStack() as stack:
            for number in self._place.others:
                self._sessions[number] = await stack.enter_async_context(_session(self._place, number))
            yield

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request here or where it belongs."""
        if is_private(request):
            return await handler(request)
        whose = await owned(request)
        if whose is not None and whose.worker in self._sessions:
            return await self._pass_on(request, whose)
        if whose is None and in_turn(request) and (number := next(self._turns)) is not None:
            body = await _body(request)
            try:
                return await _ask(self._sessions[number], request, body)
            except (aiohttp.ClientError, TimeoutError, OSError):
                log.warning("another worker does not answer", extra={"detail": f"worker {number}"})
        return await handler(request)

    async def _pass_on(self, request: web.Request, whose: Owned) -> web.StreamResponse:
        session, body = self._sessions[whose.worker], await _body(request)
        try:
            if _upgrades(request):
                return await self._join(session, request)
            return await _ask(session, request, body)
        except aiohttp.ClientConnectorError as problem:
            if isinstance(problem.os_error, FileNotFoundError | ConnectionRefusedError):
                raise whose.gone() from None
            raise _silent() from None
        except aiohttp.ServerDisconnectedError:
            raise whose.gone() from None  # it died with the answer on its lips
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise _silent() from None

    async def _join(self, session: ClientSession, request: web.Request) -> web.StreamResponse:
        headers = _headers(request, _SOCKETS_OWN)
        try:
            async with asyncio.timeout(ANSWER_S):
                there = await connect(session, _url(request), headers, subprotocols(request))
        except aiohttp.WSServerHandshakeError:  # which does not hold the reason: ask again for it
            return await _ask(session, request, b"")
        return await self._relay.run(request, there)


async def _body(request: web.Request) -> bytes:
    return await read_bytes(request, request.app[DOOR].config.server.max_body)


async def _ask(session: ClientSession, request: web.Request, body: bytes) -> web.Response:
    headers = _headers(request)
    if hdrs.UPGRADE in request.headers:  # what is wrong with it, its owner says
        headers[hdrs.UPGRADE], headers[hdrs.CONNECTION] = request.headers[hdrs.UPGRADE], "Upgrade"
    async with session.request(
        request.method, _url(request), headers=headers, data=body or None, allow_redirects=False
    ) as answer:
        if answer.status == 101:
            raise _silent()
        said = await take(answer.content.readany, MAX_ANSWER)
        return web.Response(status=answer.status, body=said, headers=_kept(answer.headers))


def _session(place: Place, number: int) -> ClientSession:
    return ClientSession(
        connector=UnixConnector(place.socket(number), limit=MAX_OPEN, force_close=True),
        timeout=ClientTimeout(total=ANSWER_S, connect=CONNECT_S),
        skip_auto_headers=_WRITTEN_BY_CLIENTS,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _silent() -> Overloaded:
    return Overloaded("the worker that has this call does not answer", code="worker_unreachable", retry_after=1)


def _url(request: web.Request) -> URL:
    return URL(f"http://worker{request.rel_url.raw_path_qs}", encoded=True)


def _headers(request: web.Request, without: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    headers = _kept(request.headers, without)
    headers[CLIENT] = address_of(request)
    return headers


def _kept(headers: Mapping[str, str], without: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    left_out = _OUR_OWN | without
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def _upgrades(request: web.Request) -> bool:
    """Say whether this can become a WebSocket; subprotocols without ours cannot, and would be written to aiohttp's log."""
    offered = subprotocols(request)
    if offered and PROTOCOL not in offered:
        return False
    return bool(web.WebSocketResponse(protocols=(PROTOCOL,)).can_prepare(request))
