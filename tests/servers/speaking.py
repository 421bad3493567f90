"""What the simulators of voices have in common: sound for a text, at once or paced, late, cut, held, or none at all."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes.caller import tone

MS_PER_CHARACTER = 60


@lru_cache(maxsize=64)
def sound_of(text: str, rate: int) -> bytes:
    """Return PCM16 mono that lasts as long as somebody would need for the text, about."""
    return tone(MS_PER_CHARACTER * len(text), rate)


def wav(pcm: bytes, rate: int, size: int | None = None) -> bytes:
    """Return a WAV file of it; without ``size`` one that does not say how long it is, as those that are streamed."""
    known = 0xFFFFFFFF if size is None else size
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", known if size is None else size + 36, b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", known) + pcm


@dataclass
class Speaking:
    """How a server speaks, and what it has seen. Times in seconds, sizes in bytes."""

    url: str = ""
    delay_s: float = 0.0
    """Before the first byte of an answer."""
    pace: float = 0.0
    """Bytes a second; 0: at once."""
    piece: int = 4801
    """Bytes of one write: an odd number, so that samples are cut."""
    status: int = 200
    error: bytes = b""
    retry_after: str = ""
    body: bytes | None = None
    """In place of the sound."""
    cut: int | None = None
    """The connection breaks after so many bytes; 0: before the answer."""
    hold: bool = False
    """The answer begins and does not end."""
    asked: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of all answers so far."""
    ports: list[int] = field(default_factory=list)
    """The client's, one for each request."""
    uploads: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
        """Send it as it is told; notes when the client goes away before the end."""
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.paths.append(request.path_qs)
        self.ports.append(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        try:
            await asyncio.sleep(self.delay_s)
            return await self._answer(request, body if self.body is None else self.body, content_type)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise

    async def _answer(self, request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
        if self.status != 200:
            told = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=self.status, body=self.error, headers=told)
        if self.cut == 0:
            return self._broken(request, web.StreamResponse())
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for place in range(0, len(body), self.piece):
            await response.write(body[place : place + self.piece])
            self.sent += self.piece
            if self.cut is not None and place + self.piece >= self.cut:
                return self._broken(request, response)
            if self.pace:
                await asyncio.sleep(self.piece / self.pace)
        if self.hold:
            await asyncio.sleep(30)
        return response

    def _broken(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def serving(
    server: Speaking, routes: Callable[[web.UrlDispatcher], None], path: str = ""
) -> AsyncIterator[Speaking]:
    """Run it on a free port of 127.0.0.1; its ``url`` ends with ``path``."""
    app = web.Application()
    routes(app.router)
    test_server = TestServer(app)
    await test_server.start_server()
    try:
        server.url = str(test_server.make_url("/")).rstrip("/") + path
        yield server
    finally:
        await test_server.close()
