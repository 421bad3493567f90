"""Lean callers of the load: one over WebRTC, one over a WebSocket; each notes what it heard and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Protocol, Self

import aiohttp

from benchmarks.client import Caller, Identity
from benchmarks.load.gaps import Gaps
from benchmarks.load.speech import ECHO, SPREAD, append, packet
from benchmarks.load.watched import KEY, Watched
from benchmarks.sound import FRAME, RATE
from benchmarks.turns import SOUND_BYTES

HOST = "127.0.0.1"
CONNECT_S = 10.0
FRAME_S = FRAME / RATE
PAUSE_S = 1.0
"""A model that takes turns says nothing for longer than this between them."""

BYTES_PER_S = 48_000

now = time.perf_counter


class Refused(Exception):
    """The server did not take the call."""


class Speaking(Protocol):
    """A call that is up."""

    gaps: Gaps

    async def say(self, frame: int) -> None:
        """Send 20 ms and take what has come. Raises ConnectionError when the call is over."""
        ...


async def speak(call: Speaking, frames: range) -> None:
    """Say these frames in real time."""
    began = now()
    for place, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, began + place * FRAME_S - now()))
        await call.say(frame)


@cache
def identity() -> Identity:
    """Return the certificate of all lean callers."""
    return Identity()


class MediaCall:
    """One over WebRTC. :meth:`begun` sets it up as far as it is told to."""

    def __init__(self, server: Watched, model: str = ECHO) -> None:
        self.caller = Caller(identity(), HOST)
        self.gaps = Gaps(float("inf") if model == ECHO else PAUSE_S)
        self._server, self._model = server, model
        self._least = 0 if model == ECHO else SOUND_BYTES
        self._place = ""

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self.caller.socket, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Be gone without a word. Idempotent."""
        if self.caller.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.caller.socket)
            self.caller.close()

    async def offer(self) -> str:
        """Make the offer and return the answer. Raises Refused."""
        url, headers = (
            f"{self._server.url}/v1/realtime/calls?model={self._model}",
            KEY | {"Content-Type": "application/sdp"},
        )
        async with self._server.http.post(url, data=self.caller.offer(), headers=headers) as answer:
            if answer.status != 201:
                raise Refused(f"{answer.status}")
            self._place = answer.headers["Location"]
            return await answer.text()

    async def reach(self, reached: Callable[[Caller], bool]) -> None:
        """Go on with the set-up until it has reached this point. Raises TimeoutError."""
        async with asyncio.timeout(CONNECT_S):
            while not reached(self.caller):
                if now() >= self.caller.due:
                    self.caller.tick(now())
                await asyncio.sleep(0.005)

    async def connect(self) -> None:
        """Set the call up. Raises Refused, TimeoutError."""
        self.caller.answer(await self.offer())
        await self.reach(lambda caller: caller.up)

    async def say(self, frame: int) -> None:
        """Send 20 ms and take what has come."""
        if now() >= self.caller.due:
            self.caller.tick(now())
        self.caller.send(packet(self._model, frame))
        for each in self.caller.packets:
            if each.size >= self._least:
                self.gaps.take(each.at, FRAME_S)
        self.caller.packets.clear()

    async def hang_up(self) -> bool:
        """End it over HTTP; say whether it was still there."""
        async with self._server.http.post(f"{self._server.url}{self._place}/hangup", headers=KEY) as answer:
            return answer.status == 200

    def _read(self) -> None:
        self.caller.readable(now())


class SocketCall:
    """One over a WebSocket."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse, model: str = ECHO) -> None:
        self.gaps = Gaps(float("inf") if model == ECHO else PAUSE_S)
        self.wire = wire
        self._model = model

    async def say(self, frame: int) -> None:
        """Send 20 ms. Raises ConnectionError when the call is over."""
        await self.wire.send_str(append(self._model, frame))

    async def listen(self) -> None:
        """Take what comes until the call is over."""
        async for message in self.wire:
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            event = json.loads(message.data)
            if event["type"] == "response.output_audio.delta":
                self.gaps.take(now(), len(event["delta"]) * 3 / 4 / BYTES_PER_S)

    def cut(self) -> None:
        """Reset the connection in mid-sentence."""
        with contextlib.suppress(OSError):
            self.wire.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


@contextlib.asynccontextmanager
async def on_socket(server: Watched, model: str = ECHO) -> AsyncIterator[SocketCall]:
    """Call over a WebSocket, and close it in the end. Raises Refused."""
    url = f"{server.url}/v1/realtime?model={model}"
    try:
        wire = await server.http.ws_connect(url, headers=KEY, max_msg_size=1 << 22, compress=0)
    except aiohttp.WSServerHandshakeError as error:
        raise Refused(f"{error.status}") from None
    call = SocketCall(wire, model)
    listening = asyncio.create_task(call.listen())
    try:
        yield call
    finally:
        await wire.close()
        await listening


def begins(index: int) -> int:
    """Return where in the sound the caller with this number begins."""
    return index * SPREAD
