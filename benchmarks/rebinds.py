"""N6 with Chromium: its NAT forgets it while it speaks, and it does not know; how soon the echo comes to the new address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.comebacks import SERVER
from benchmarks.promises import Line, percentile
from benchmarks.sound import loop
from benchmarks.turns import SOUND_BYTES
from mediaserver.rtc import rtp
from tests.browser.driving import Complaints, browser, call_through, open_page, write_wav
from tests.servers.impaired_door import impaired_door
from tests.servers.udp_impair import Proxy, Weather
from tests.servers.voice_server import voice_server

REBINDS, LIMIT_S = 20, 1.0
CHECK_S = 2.5
"""Between two checks of a Chromium whose call is steady."""
SPEAK_S, GIVE_UP_S, CONNECT_S = 2.0, 10.0, 15.0
STEP_S = 0.002
NEVER = float("inf")

_moments = np.random.default_rng(1)


async def rebinds(count: int = REBINDS) -> Line:
    """Rebind one call of the page so often, at any moment between two checks."""
    async with _call() as proxy:
        times = [await _rebound(proxy) for _ in range(count)]
    said = (
        f"client hears p50 {percentile(times, 0.5):.2f} s, p95 {percentile(times, 0.95):.2f} s, max {max(times):.2f} s"
    )
    tried = f"N6: NAT rebind, the page in Chromium, {count} times"
    return Line(tried, f"sound ≤ {LIMIT_S:g} s", said, max(times) <= LIMIT_S)


async def _rebound(proxy: Proxy) -> float:
    await asyncio.sleep(SPEAK_S + float(_moments.uniform(0, CHECK_S)))
    await proxy.rebind()
    proxy.down.recent.clear()
    began = time.perf_counter()
    while not any(_sounds(datagram) for datagram in proxy.down.recent):
        if time.perf_counter() - began > GIVE_UP_S:
            return NEVER
        await asyncio.sleep(STEP_S)
    return time.perf_counter() - began


def _sounds(datagram: bytes) -> bool:
    return rtp.stream(datagram) is not None and len(datagram) >= SOUND_BYTES


@asynccontextmanager
async def _call() -> AsyncIterator[Proxy]:
    """A call of the page, through a NAT, whose microphone speaks all the time."""
    with TemporaryDirectory() as folder:
        speech = write_wav(Path(folder) / "speech.wav", [loop()[::3].tobytes()])
        async with (
            voice_server(SERVER) as server,
            browser(speech, again=True) as chromium,
            impaired_door(server.url, Weather()) as (door, proxies),
        ):
            context = await chromium.new_context()
            await call_through(context, server.url, door)
            page = await open_page(context, server.url, Complaints())
            await page.click("#start")
            listening = page.locator("html[data-state=listening]").first
            await listening.wait_for(state="attached", timeout=CONNECT_S * 1000)
            yield proxies[-1]
