"""WebSockets of other workers' calls: every message goes through unread, pings and pongs and the end included.

Nothing is kept: who does not read is not read from, so the owner's own limits hold as if the client were there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import aiohttp
from aiohttp import ClientSession, ClientWebSocketResponse, ClientWSTimeout, WSCloseCode, WSMessage, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from signaling.socket import CLOSE_S, WRITE_S

MAX_MESSAGE = 64 << 20
"""Bytes; the owner has a limit of its own, and says so."""

End = tuple[int, bytes]
"""The code and the reason of a close."""

LOST: End = (WSCloseCode.INTERNAL_ERROR, b"connection_lost")
LEFT: End = (WSCloseCode.GOING_AWAY, b"")
STOPPED: End = (WSCloseCode.GOING_AWAY, b"server_shutdown")


class Wire(Protocol):
    """One end: a server's or a client's WebSocket of aiohttp."""

    async def receive(self) -> WSMessage: ...
    async def send_str(self, data: str) -> None: ...
    async def send_bytes(self, data: bytes) -> None: ...
    async def ping(self, message: bytes) -> None: ...
    async def pong(self, message: bytes) -> None: ...


async def connect(
    session: ClientSession, url: URL, headers: CIMultiDict[str], protocols: Sequence[str]
) -> ClientWebSocketResponse:
    """Open the same WebSocket at its owner. Raises what aiohttp raises, WSServerHandshakeError for a refusal."""
    return await session.ws_connect(
        url, headers=headers, protocols=protocols, autoping=False, autoclose=False, max_msg_size=MAX_MESSAGE,
        timeout=ClientWSTimeout(ws_close=CLOSE_S),
    )  # fmt: skip


class Relay:
    """All WebSockets that this worker passes on."""

    def __init__(self) -> None:
        self._open = 0
        self._ending = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    async def run(self, request: web.Request, there: ClientWebSocketResponse) -> web.WebSocketResponse:
        """Let the client in and pass on until either side ends; the owner's socket is closed in any case."""
        here = web.WebSocketResponse(
            protocols=(there.protocol,) if there.protocol else (),
            autoping=False, autoclose=False, compress=False, max_msg_size=MAX_MESSAGE, timeout=CLOSE_S,
        )  # fmt: skip
        self._open += 1
        self._empty.clear()
        try:
            await here.prepare(request)
            end = await self._joined(here, there)
            await _closed(there, *end)
            await _closed(here, *end)
        finally:
            await _closed(there, *LEFT)
            self._open -= 1
            if not self._open:
                self._empty.set()
            if request.transport is not None and (not here.closed or request.transport.get_write_buffer_size()):
                request.transport.abort()  # what it did not read it will not read
        return here

    async def drained(self, seconds: float) -> None:
        """Wait until none is left, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return

    def end(self) -> None:
        """End all of them: the server stops."""
        self._ending.set()

    async def _joined(self, here: Wire, there: Wire) -> End:
        """Pass messages both ways; return how the first side to end did so."""
        async with asyncio.TaskGroup() as tasks:
            ways = [
                tasks.create_task(_pass(here, there, LEFT), name="relay to the owner"),
                tasks.create_task(_pass(there, here, LOST), name="relay to the client"),
                tasks.create_task(self._stopped(), name="relay at the end of the server"),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            first = next(way for way in ways if way.done())
            for way in ways:
                way.cancel()
        return first.result()

    async def _stopped(self) -> End:
        await self._ending.wait()
        return STOPPED


async def _pass(source: Wire, sink: Wire, lost: End) -> End:
    """Pass messages on until there are no more. ``lost``: what the other side is told when this one says no goodbye."""
    while True:
        message = await source.receive()
        send = _ROWS.get(message.type)
        if send is None:
            return _end(message, lost)
        try:
            async with asyncio.timeout(WRITE_S):
                await send(sink, message.data)
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            return lost


def _end(message: WSMessage, lost: End) -> End:
    if message.type is WSMsgType.CLOSE:
        code = int(message.data or WSCloseCode.OK)
        return code, str(message.extra or "").encode()
    if isinstance(message.data, aiohttp.WebSocketError):
        return message.data.code, b""
    return lost


async def _closed(wire: ClientWebSocketResponse | web.WebSocketResponse, code: int, reason: bytes) -> None:
    """Close one end, in a task of its own: where a write was given up, aiohttp raises CancelledError at the next one."""
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(_goodbye(wire, code, reason), name="relay close")
        await asyncio.wait({closing}, timeout=2 * CLOSE_S)
        closing.cancel()


async def _goodbye(wire: ClientWebSocketResponse | web.WebSocketResponse, code: int, reason: bytes) -> None:
    with suppress(TimeoutError, ConnectionError, aiohttp.ClientError):
        await wire.close(code=code, message=reason)


_ROWS: dict[WSMsgType, Callable[[Any, Any], Awaitable[None]]] = {
    WSMsgType.TEXT: lambda sink, data: sink.send_str(data),
    WSMsgType.BINARY: lambda sink, data: sink.send_bytes(data),
    WSMsgType.PING: lambda sink, data: sink.ping(data),
    WSMsgType.PONG: lambda sink, data: sink.pong(data),
}
