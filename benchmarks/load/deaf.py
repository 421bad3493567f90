"""Clients that do not take what they are sent: unread WebSockets, data channels without acknowledgements, unread sound.

Each speaks all the while, over the echo, so that there is always something to take.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiortc import RTCDataChannel, RTCDataChannelParameters

from benchmarks.load.callers import CONNECT_S, HOST, MediaCall, now
from benchmarks.load.gaps import Gaps
from benchmarks.load.speech import ECHO, append
from benchmarks.load.watched import KEY, Watched
from tests.rtc.clients import Bare, until

WINDOW = 4096
"""Bytes that the kernel takes for a client that does not read."""

ASK = json.dumps({"type": "session.update", "session": {"type": "realtime"}})


@dataclass(slots=True)
class Unread:
    """A WebSocket whose client reads nothing after the handshake: its window goes to 0."""

    writer: asyncio.StreamWriter
    gaps: Gaps = field(default_factory=Gaps)

    async def say(self, frame: int) -> None:
        """Send 20 ms. Raises ConnectionError when the server has closed the connection."""
        self.writer.write(_masked(append(ECHO, frame).encode()))
        await self.writer.drain()


def _masked(text: bytes) -> bytes:
    """Return a text frame under a mask of zeros (RFC 6455 §5.2)."""
    return bytes([0x81, 0x80 | 126]) + struct.pack("!H", len(text)) + bytes(4) + text


@asynccontextmanager
async def unread_socket(server: Watched) -> AsyncIterator[Unread]:
    """Open it over a socket of few bytes."""
    where = urlsplit(server.url)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (HOST, where.port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=WINDOW)
    lines = (
        "GET /v1/realtime?model=echo HTTP/1.1", f"Host: {where.netloc}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        *(f"{name}: {value}" for name, value in KEY.items()), "", "",
    )  # fmt: skip
    try:
        writer.write("\r\n".join(lines).encode())
        await reader.readuntil(b"\r\n\r\n")
        yield Unread(writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Unacknowledged:
    """A data channel on which the client asks and asks, and acknowledges nothing that it is told."""

    def __init__(self, bare: Bare, channel: RTCDataChannel) -> None:
        self.gaps = Gaps()
        self._bare, self._channel = bare, channel
        self._due = now()

    async def say(self, frame: int) -> None:
        """Send 20 ms and ask again, until the server has ended the call."""
        if self._channel.readyState != "open":
            return
        self._channel.send(ASK)
        self._bare.say()
        if now() >= self._due:
            self._bare.check()
            self._due = now() + 2.5


@asynccontextmanager
async def unacknowledged_channel(server: Watched) -> AsyncIterator[Unacknowledged]:
    """Open it, and from then on acknowledge nothing."""
    bare = Bare(HOST)
    headers = KEY | {"Content-Type": "application/sdp"}
    try:
        async with server.http.post(
            f"{server.url}/v1/realtime/calls?model=echo", data=bare.offer(), headers=headers
        ) as answer:
            bare.accept(await answer.text())
        async with bare.connected():
            assert bare.stack is not None
            stack = bare.stack
            await until(lambda: stack._sctp is not None, CONNECT_S)
            sctp = stack._sctp
            channel = RTCDataChannel(sctp, RTCDataChannelParameters(label="oai-events"))
            await until(lambda: channel.readyState == "open", CONNECT_S)
            sctp._send_sack = _nothing
            yield Unacknowledged(bare, channel)
    finally:
        bare.close()


async def _nothing() -> None:
    """Take the place of what would be sent."""


@asynccontextmanager
async def unread_sound(server: Watched) -> AsyncIterator[MediaCall]:
    """Connect, and never read the socket again."""
    with MediaCall(server) as call:
        await call.connect()
        asyncio.get_running_loop().remove_reader(call.caller.socket)
        yield call
        await call.hang_up()


Deaf = Callable[[Watched], AbstractAsyncContextManager[Unread | Unacknowledged | MediaCall]]
