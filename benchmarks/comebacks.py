"""A client that comes back to its call from another address, on another connection: in time, and to the same conversation.

The server is a real one, over HTTP; what a client comes back with is the name of its call.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from benchmarks.client import Caller, Identity
from benchmarks.promises import Line, percentile
from benchmarks.sound import FRAME, LOOP, RATE
from benchmarks.turns import SOUND_BYTES
from tests.servers.lean_call import HOST, reading, speech
from tests.servers.voice_server import voice_server

MOVES = 20
FREED_S, RESUMABLE_S = 35.0, 60.0
EARLY_S = 2.0
"""So long before a call can no longer be taken up the client is back."""
GIVE_UP_S = 10.0
STEP_S = 0.005
SERVER = {"server": {"workers": 1}, "models": {"echo": {"bridge": "echo"}}, "default_model": "echo"}
HEADERS = {"Authorization": "Bearer sk-local"}


async def comebacks() -> AsyncIterator[Line]:
    """Move a call twenty times, then leave it alone for long."""
    async with _client() as client:
        yield await _moved(client)
    async with _client() as client:
        yield await _long_gone(client)


async def _moved(client: Client) -> Line:
    await client.sound()
    times = [await client.sound() for _ in range(MOVES)]
    calls, peers = await client.counted("sessions_started_total"), await client.counted("media_peers")
    said = (
        f"p50 {percentile(times, 0.5):.2f} s, p95 {percentile(times, 0.95):.2f} s, {calls} conversation, {peers} peer"
    )
    kept = percentile(times, 0.95) <= 3 and (calls, peers) == (1, 1)
    promised = "sound ≤ 3 s after the new offer (p95), same conversation, old peer freed"
    return Line(f"N7: address gone, new connection with the call's name, {MOVES} times", promised, said, kept)


async def _long_gone(client: Client) -> Line:
    await client.sound()
    began = time.perf_counter()
    freed = 0.0
    while await client.counted("media_peers") and freed < 2 * FREED_S:
        await asyncio.sleep(0.1)
        freed = time.perf_counter() - began
    await asyncio.sleep(RESUMABLE_S - EARLY_S)
    try:
        back = f"sound {await client.sound():.2f} s after the new offer"
    except (ConnectionRefusedError, TimeoutError) as problem:
        back = f"NOT resumable ({problem})"
    said = f"freed after {freed:.1f} s; {RESUMABLE_S - EARLY_S:.0f} s later: {back}"
    kept = freed <= FREED_S and back.startswith("sound")
    return Line("N5: black hole that does not end", "freed ≤ 35 s, resumable for 60 s", said, kept)


@dataclass(slots=True)
class Client:
    """A client of the echo on a real server. ``name`` is what its call is taken up again with."""

    http: aiohttp.ClientSession
    url: str
    name: str | None = None

    async def sound(self) -> float:
        """Make the call, or go on with it, from a new address; return after how many seconds its echo was heard.

        Then it is gone without a word. Raises ConnectionRefusedError when it is not taken, TimeoutError without an echo.
        """
        began = time.perf_counter()
        caller = Caller(Identity(), HOST)
        try:
            await self._offer(caller)
            with reading(caller):
                return await _echo(caller) - began
        finally:
            caller.close()

    async def _offer(self, caller: Caller) -> None:
        body = {"sdp": caller.offer(), "type": "offer", "pc_id": self.name, "restart_pc": self.name is not None}
        async with self.http.post(f"{self.url}/api/offer", json={**body, "request_data": {"model": "echo"}}) as answer:
            if answer.status != 200:
                raise ConnectionRefusedError(answer.status)
            said = await answer.json()
        caller.answer(said["sdp"])
        if self.name not in (None, said["pc_id"]):
            raise ConnectionRefusedError("another conversation")
        self.name = said["pc_id"]

    async def counted(self, name: str) -> int:
        """Return a figure of the server's metrics, -1 where it has none of this name."""
        async with self.http.get(f"{self.url}/metrics") as answer:
            found = re.search(rf"^mediaserver_{name} (\S+)$", await answer.text(), re.MULTILINE)
        return int(found[1]) if found else -1


def _sounds(caller: Caller) -> bool:
    return any(packet.size >= SOUND_BYTES for packet in caller.packets)


async def _echo(caller: Caller) -> float:
    """Speak until the echo comes; return when that was."""
    (packets, _), place, due = speech(), 0, time.perf_counter()
    end = due + GIVE_UP_S
    while not _sounds(caller):
        now = time.perf_counter()
        if now > end:
            raise TimeoutError("the echo does not come")
        if now >= caller.due:
            caller.tick(now)
        if caller.up and now >= due:
            caller.send(packets[place % LOOP])
            place, due = place + 1, max(due + FRAME / RATE, now - 0.1)
        await asyncio.sleep(STEP_S)
    return next(packet.at for packet in caller.packets if packet.size >= SOUND_BYTES)


@asynccontextmanager
async def _client() -> AsyncIterator[Client]:
    speech()  # made once and now: it takes longer than a handshake
    async with voice_server(SERVER) as server, aiohttp.ClientSession(headers=HEADERS) as http:
        yield Client(http, server.url)
