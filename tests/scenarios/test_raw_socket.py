"""A client that speaks WebSocket as no library would: its call ends with the right code, and other calls hear nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from signaling import socket
from signaling.door import DOOR
from tests.servers.raw_websocket import BINARY, CLOSE, CONT, PING, TEXT
from tests.signaling.doors import KEY
from tests.signaling.houses import House, house
from tests.signaling.sockets import Line, line

LIMIT_S = 20.0
MASKED, RESERVED = 0x80, 0x40


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, reserved: bool = False) -> bytes:
    """Return one frame of a client (RFC 6455 §5.2), masked with zeros."""
    head = bytes([opcode | (0x80 if fin else 0) | (RESERVED if reserved else 0)])
    size = bytes([MASKED | len(data)]) if len(data) < 126 else bytes([MASKED | 127]) + struct.pack("!Q", len(data))
    return head + size + bytes(4) + data


@dataclass
class Raw:
    """The client's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, data: bytes) -> None:
        """Send as much of this as the server takes before it hangs up."""
        with suppress(ConnectionError, TimeoutError):
            self.writer.write(data)
            async with asyncio.timeout(LIMIT_S):
                await self.writer.drain()

    async def closed(self) -> int | None:
        """Read until the end; return the code of the close frame, ``None`` when the connection was simply cut."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(LIMIT_S):
                while True:
                    opcode, data = await self._frame()
                    if opcode == CLOSE:
                        return int(struct.unpack("!H", data[:2])[0])
        return None

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)


@asynccontextmanager
async def raw(client: House) -> AsyncIterator[Raw]:
    """Connect to a call by hand (RFC 6455 §4.1)."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    lines = [f"{name}: {value}\r\n" for name, value in (headers | KEY | {"Sec-WebSocket-Key": key}).items()]
    try:
        writer.write(f"GET /v1/realtime?model=echo HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        yield Raw(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def goes_on(other: Line) -> None:
    """Another call is still answered."""
    await other.say(type="no.such.event", event_id="mine")
    assert (await other.until("error"))["error"]["event_id"] == "mine"


HALF = b'{"type": "x", "pad": "' + b"x" * 60_000


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, HALF, fin=False) + frame(CONT, HALF, fin=False) * 281, 1009),
        (frame(TEXT, b'{"type"', fin=False) + frame(TEXT, b"{}"), 1002),
        (frame(CONT, b"{}"), 1002),
        (frame(TEXT, b"{}", reserved=True), 1002),
        (frame(3, b"{}"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(BINARY), 1003),
        (frame(BINARY, b"x"), 1003),
        (frame(BINARY, b"xyz") * 10_000, 1003),
    ],
    ids=[
        "fragments without end", "a message within one", "the rest of nothing", "compressed", "no such opcode",
        "a long ping", "half a ping", "nothing at all", "one byte", "thousands of odd ones",
    ],
)  # fmt: skip
async def test_what_breaks_the_protocol_ends_this_call(sent: bytes, code: int) -> None:
    async with house() as client, line(client) as other, raw(client) as stranger:
        await other.until("session.created")
        await stranger.write(sent)
        assert await stranger.closed() == code
        await goes_on(other)


async def test_fragments_of_nothing_cost_nothing_and_the_message_is_whole_in_the_end() -> None:
    async with house() as client, line(client) as other, raw(client) as stranger:
        await other.until("session.created")
        await stranger.write(frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 20_000)
        await stranger.write(frame(CONT, b"[]") + frame(CLOSE, struct.pack("!H", 1000)))
        assert await stranger.closed() == 1000


async def test_a_flood_of_pings_by_one_who_does_not_read_ends_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "WRITE_S", 0.5)
    async with house() as client, line(client) as other:
        await other.until("session.created")
        sessions = client.app[DOOR].house.sessions  # type: ignore[union-attr]
        async with raw(client) as stranger:
            assert len(sessions.list()) == 2
            flood = asyncio.ensure_future(stranger.write(frame(PING, b"x" * 100) * 200_000))
            await goes_on(other)
            async with asyncio.timeout(LIMIT_S / 2):
                while len(sessions.list()) > 1:
                    await asyncio.sleep(0.02)
            await flood
