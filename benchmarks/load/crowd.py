"""So many calls over WebRTC and so many over WebSockets at the same time, half of each kind to a model that takes turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from benchmarks.load.callers import FRAME_S, Gaps, MediaCall, Refused, begins, on_socket, speak
from benchmarks.load.speech import ECHO, TURNS
from benchmarks.load.watched import Watched
from benchmarks.turns import PERIOD_S

LEAST_HEARD = {ECHO: 0.9, TURNS: 0.3}
"""Of the time, in a call that counts as whole; who takes turns speaks for 45 % of it."""

APART_S = 0.03


@dataclass(slots=True)
class Crowd:
    """How all of them went."""

    calls: int
    gaps: int = 0
    failures: list[str] = field(default_factory=list)
    """Who got no call, or lost it."""
    deaf: list[str] = field(default_factory=list)
    """Who had one, and heard too little in it."""

    @property
    def whole(self) -> bool:
        """Nobody failed, nobody heard too little, and there was no gap."""
        return not self.failures and not self.deaf and not self.gaps

    def note(self, name: str, gaps: Gaps, wanted_s: float) -> None:
        """Take a call that was whole, as far as its client could tell."""
        self.gaps += gaps.count
        if gaps.sound_s < wanted_s:
            self.deaf.append(f"{name} heard {gaps.sound_s:.1f} s of {wanted_s:.1f}")

    def __str__(self) -> str:
        told = "".join(f"; {each}" for each in (*self.failures[:3], *self.deaf[:3]))
        return f"{len(self.failures) + len(self.deaf)} of {self.calls} failed, {self.gaps} gaps > 60 ms{told}"


async def crowd(server: Watched, each: int, seconds: float) -> Crowd:
    """Hold so many calls of each kind for so long, then hang up."""
    async with crowding(server, each, seconds) as result:
        pass
    return result


@asynccontextmanager
async def crowding(server: Watched, each: int, seconds: float) -> AsyncIterator[Crowd]:
    """Do the same beside the block; leaving it waits for the calls to be over."""
    result = Crowd(2 * each)
    async with asyncio.TaskGroup() as tasks:
        for index in range(2 * each):
            tasks.create_task(_held(server, result, index, seconds))
            await asyncio.sleep(APART_S)
        yield result


async def _held(server: Watched, result: Crowd, index: int, seconds: float) -> None:
    kind, model = (_media, _socket)[index % 2], (ECHO, TURNS)[index // 2 % 2]
    name = f"{kind.__name__[1:]} call {index} to {model}"
    wanted = LEAST_HEARD[model] * max(0.0, seconds - (0 if model == ECHO else 2 * PERIOD_S))
    frames = range(begins(index), begins(index) + round(seconds / FRAME_S))
    try:
        result.note(name, await kind(server, model, frames), wanted)
    except (Refused, TimeoutError, ConnectionError, aiohttp.ClientError) as problem:
        result.failures.append(f"{name}: {type(problem).__name__} {problem}")


async def _media(server: Watched, model: str, frames: range) -> Gaps:
    with MediaCall(server, model) as call:
        await call.connect()
        await speak(call, frames)
        if not await call.hang_up():
            raise ConnectionError("the server had ended it")
        return call.gaps


async def _socket(server: Watched, model: str, frames: range) -> Gaps:
    async with on_socket(server, model) as call:
        await speak(call, frames)
        return call.gaps
