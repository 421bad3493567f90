"""A plain WebSocket client of the contract: what it said, what came, and how it ended."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.signaling.doors import KEY
from tests.signaling.houses import LIMIT_S, House


@dataclass
class Line:
    """One WebSocket; every event that came is kept."""

    wire: ClientWebSocketResponse
    events: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, **event: Any) -> None:
        await self.wire.send_str(json.dumps(event))

    async def append(self, sound: bytes) -> None:
        await self.say(type="input_audio_buffer.append", audio=base64.b64encode(sound).decode())

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Return the ``count``-th event of this type as soon as it has come."""
        async with asyncio.timeout(LIMIT_S):
            while len(found := self.all(kind)) < count:
                message = await self.wire.receive()
                assert message.type == WSMsgType.TEXT, (message, self.types())
                self.events.append(json.loads(message.data))
        return found[count - 1]

    async def heard(self, size: int) -> bytes:
        """Return the sound that came as soon as it is so many bytes."""
        sound, seen = bytearray(), 0
        async with asyncio.timeout(3 * LIMIT_S):
            while True:
                for event in self.events[seen:]:
                    if event["type"] == "response.output_audio.delta":
                        sound += base64.b64decode(event["delta"])
                seen = len(self.events)
                if len(sound) >= size:
                    return bytes(sound)
                message = await self.wire.receive()
                assert message.type == WSMsgType.TEXT, message
                self.events.append(json.loads(message.data))

    async def closed(self) -> tuple[int | None, str]:
        """Read until the server closes; return the code and the reason."""
        async with asyncio.timeout(LIMIT_S):
            while (message := await self.wire.receive()).type == WSMsgType.TEXT:
                self.events.append(json.loads(message.data))
        if message.type == WSMsgType.CLOSE:
            return int(message.data), message.extra or ""
        return self.wire.close_code, ""

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@asynccontextmanager
async def line(client: House, path: str = "/v1/realtime?model=echo", **how: Any) -> AsyncIterator[Line]:
    """Connect with the development key unless told otherwise, and hang up when the block is left."""
    async with client.ws_connect(path, **({"headers": KEY, "max_msg_size": 1 << 25} | how)) as wire:
        yield Line(wire)
