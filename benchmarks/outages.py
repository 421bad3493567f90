"""When the network goes away for a moment: a black hole, and a NAT that forgets.

Times are from the moment when the line is whole again, in both directions: until the server hears the caller, and until the
caller hears the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np

from benchmarks.client import CONSENT_S, Caller
from benchmarks.comebacks import comebacks
from benchmarks.promises import Line, percentile
from benchmarks.rebinds import rebinds
from benchmarks.turns import SOUND_BYTES
from mediaserver.rtc.port import MediaSettings
from tests.rtc.clients import media_port
from tests.servers.lean_call import HOST, LeanCall, lean_call
from tests.servers.udp_impair import Proxy, Weather

HOLES, REBINDS = 5, 10
HOLE_S = 5.0
GIVE_UP_S = 10.0
STEP_S = 0.005
SETTINGS = MediaSettings(addresses=(HOST,))
IN_FLIGHT_S = 0.05
"""What was sent before has come by then."""
NEVER = float("inf")

_moments = np.random.default_rng(1)

Cut = Callable[[LeanCall, Proxy], Awaitable[None]]


async def outages(seconds: float) -> AsyncIterator[Line]:
    """Cut the line in each way, a few times; the amounts are fixed."""
    yield _both("N5: black hole of 5 s", 0.5, await repeated(HOLES, _hole))
    yield _both(f"N6: NAT rebind, the client checks each {CONSENT_S:g} s", 1.0, await repeated(REBINDS, _rebind))
    yield await rebinds()
    async for line in comebacks():
        yield line


def _both(tried: str, limit_s: float, times: list[tuple[float, float]]) -> Line:
    up, down = ([each[way] for each in times] for way in (0, 1))
    said = ", ".join(
        f"{name} p50 {percentile(found, 0.5):.2f} s, max {max(found):.2f} s"
        for name, found in (("server hears", up), ("client hears", down))
    )
    kept = max(up + down) <= limit_s
    return Line(f"{tried}, {len(times)} times", f"sound both ways ≤ {limit_s:g} s", said, kept)


async def _hole(call: LeanCall, proxy: Proxy) -> None:
    proxy.hole = True
    await call.speak(HOLE_S)
    proxy.hole = False


async def _rebind(call: LeanCall, proxy: Proxy) -> None:
    await call.speak(float(_moments.uniform(0, CONSENT_S)))  # at any moment between two checks
    await asyncio.sleep(IN_FLIGHT_S)
    await proxy.rebind()


async def repeated(count: int, cut: Cut) -> list[tuple[float, float]]:
    """Cut the line of so many echoing calls; return how long each way was silent afterwards, in seconds."""
    times = []
    async with media_port(SETTINGS) as port:
        for _ in range(count):
            async with lean_call(port, Weather(), echo=True) as call:
                assert call.proxy is not None  # asked for with a weather
                await call.speak(1.0)
                await cut(call, call.proxy)
                times.append(await back(call))
    return times


async def back(call: LeanCall) -> tuple[float, float]:
    """Speak on and return after how many seconds the server heard the caller, and the caller the server."""
    began, found = time.perf_counter(), [NEVER, NEVER]
    received, place = call.peer.stats["received_received"], len(call.caller.packets)
    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(call.speak(GIVE_UP_S))
        while NEVER in found and not speaking.done():
            await asyncio.sleep(STEP_S)
            now = time.perf_counter() - began
            if found[0] == NEVER and call.peer.stats["received_received"] != received:
                found[0] = now
            if found[1] == NEVER and _sounds(call.caller, place):
                found[1] = now
        speaking.cancel()
    return found[0], found[1]


def _sounds(caller: Caller, place: int) -> bool:
    return any(packet.size >= SOUND_BYTES for packet in caller.packets[place:])
