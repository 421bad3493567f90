"""What the simulators of voices share: HTTP answers with the faults of ``provider.py``, and a fixed time to first byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from tests.servers import toned
from tests.servers.provider import GARBAGE, NO_FAULTS, Connection, Faults, Piece, Simulator


class VoiceConnection(Connection):
    """A socket whose voice begins ``delay_s`` after it was asked."""

    sim: VoiceServer

    async def speech(self, text: str, rate: int) -> AsyncIterator[Piece]:
        """Yield the sound of a text."""
        self.sim.truth.bill("speech", f"{self.number}.{len(self.sim.truth.rows)}", characters=len(text))
        await asyncio.sleep(self.sim.delay_s)
        async for piece in self.pieces((text,), rate):
            self.sim.sent_bytes += len(piece.pcm)
            yield piece


class VoiceServer(Simulator):
    """``requests`` are those over HTTP: path, query, body; ``left`` counts texts that nobody wanted to the end."""

    def __init__(self, *, delay_s: float = 0.0, **told: Any) -> None:
        super().__init__(**told)
        self.delay_s = delay_s
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.sent_bytes = self.left = 0
        self.over, self.stopped = asyncio.Event(), asyncio.Event()

    async def __aexit__(self, *told: object) -> None:
        self.over.set()  # who hangs may go home
        await super().__aexit__(*told)

    async def door(self, request: web.Request) -> web.StreamResponse:
        """Hang no longer than the simulator runs."""
        if self.faults.hang:
            await self.over.wait()
            return web.Response(status=503)
        return await super().door(request)

    async def turned_away(self, request: web.Request) -> web.Response | None:
        """Count a request, and return the refusal that its faults or its key ask for."""
        self.attempts += 1
        if self.faults.hang:
            await self.over.wait()
        refusal = self._refusal() or self.admit(request)
        self.refused += refusal is not None
        return refusal

    def count_left(self, texts: int) -> None:
        """Count texts that were stopped; ``stopped`` tells who waits for it."""
        self.left += texts
        if texts:
            self.stopped.set()

    async def stream(
        self, request: web.Request, text: str, rate: int, chunks: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Send an answer as it is made; ``chunks`` is its body, whose sound is that of ``text``."""
        faults = NO_FAULTS if self.faults.only_first and self.attempts > 1 else self.faults
        self.truth.bill("speech", f"http.{len(self.truth.rows)}", characters=len(text))
        await asyncio.sleep(self.delay_s + faults.first_audio_s)
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await self._body(request, response, chunks, faults)
        except ConnectionError:
            self.count_left(1)
        return response

    async def _body(
        self, request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes], faults: Faults
    ) -> None:
        for name in faults.garbage:
            junk = GARBAGE[name]
            await response.write((junk.encode() if isinstance(junk, str) else junk) + b"\n")
        made = 0
        async for chunk in chunks:
            if faults.half_open_mid_reply_ms is not None and made >= faults.half_open_mid_reply_ms:
                await self.over.wait()
                return
            if faults.close_mid_reply_ms is not None and made >= faults.close_mid_reply_ms and request.transport:
                request.transport.abort()
            await response.write(chunk)
            made += self.chunk_ms
            if faults.bytes_per_s:
                await asyncio.sleep(len(chunk) / faults.bytes_per_s)

    async def sound(self, text: str, rate: int) -> AsyncIterator[bytes]:
        """Yield PCM, cut where no sample ends, ``speed`` times faster than it plays."""
        pcm = toned.say(text, rate)
        size = rate * self.chunk_ms // 1000 * 2 + 1
        for start in range(0, len(pcm), size):
            self.sent_bytes += len(pcm[start : start + size])
            yield pcm[start : start + size]
            await asyncio.sleep(self.chunk_ms / 1000 / self.speed)
