"""Networks that let less through: an MTU of 1200 bytes without fragments, and one without any UDP at all."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import numpy as np
from playwright.async_api import Browser

from benchmarks.comebacks import HEADERS, SERVER
from benchmarks.promises import Line
from benchmarks.sound import loop
from mediaserver.rtc.port import MediaSettings
from tests.browser.driving import Complaints, browser, call_through, open_page, write_wav
from tests.rtc.clients import media_port
from tests.servers.impaired_door import impaired_door
from tests.servers.lean_call import HOST, lean_call
from tests.servers.udp_impair import Weather
from tests.servers.voice_server import VoiceServer, voice_server

SETUPS, MTU = 20, 1200
FALLBACK_S, LOOK_S, TRIES = 5.0, 15.0, 3
OTHER_WAY = "a WebSocket"
LOUD = 300
"""Of a sample of PCM16: no silence."""


async def narrow_paths(seconds: float) -> AsyncIterator[Line]:
    """Call through each; the amounts are fixed."""
    yield await _short_packets()
    async with voice_server(SERVER) as server:
        yield await _socket(server)
        yield await _page(server)


async def _short_packets() -> Line:
    connected, slowest, dropped = 0, 0.0, 0
    async with media_port(MediaSettings(addresses=(HOST,))) as port:
        for seed in range(SETUPS):
            began = time.perf_counter()
            try:
                async with lean_call(port, Weather(mtu=MTU), seed=seed) as call:
                    assert call.proxy is not None  # asked for with a weather
                    connected, slowest = connected + 1, max(slowest, time.perf_counter() - began)
                    dropped += sum(way.counts["too long"] for way in (call.proxy.up, call.proxy.down))
            except TimeoutError:
                pass  # counted by being missing
    said = f"{connected} of {SETUPS} connected, the slowest in {slowest:.2f} s, {dropped} datagrams too long"
    return Line(f"N9: MTU {MTU}, fragments dropped", "DTLS completes", said, connected == SETUPS)


async def _socket(server: VoiceServer) -> Line:
    began = time.perf_counter()
    sound = base64.b64encode(loop()[::2].tobytes()).decode()  # 24 kHz, as the contract has it
    url = f"{server.url}/v1/realtime?model=echo"
    async with asyncio.timeout(LOOK_S), aiohttp.ClientSession(headers=HEADERS) as http, http.ws_connect(url) as socket:
        await socket.send_json({"type": "input_audio_buffer.append", "audio": sound})
        while not _sounds(await socket.receive_json()):
            pass
    took = time.perf_counter() - began
    promised = f"sound ≤ {FALLBACK_S:g} s"
    return Line("N8: no UDP, a client of the WebSocket", promised, f"sound after {took:.2f} s", took <= FALLBACK_S)


def _sounds(event: dict[str, object]) -> bool:
    if event["type"] != "response.output_audio.delta":
        return False
    return bool(np.abs(np.frombuffer(base64.b64decode(str(event["delta"])), np.int16)).max(initial=0) > LOUD)


async def _page(server: VoiceServer) -> Line:
    """Call where the offer passes and no datagram does; say how long it takes until the call stands in another way."""
    with TemporaryDirectory() as folder:
        silence = write_wav(Path(folder) / "silence.wav", [60.0])
        async with browser(silence) as chromium, impaired_door(server.url, Weather(loss=1.0)) as (door, _):
            tries = [await _blocked_call(chromium, server.url, door) for _ in range(TRIES)]
    ways = sorted({way for _, way in tries})
    took = median(seconds for seconds, _ in tries)
    all_of_them = ", ".join(f"{seconds:.2f}" for seconds, _ in tries)
    said = f"{' or '.join(ways)} after {took:.2f} s (median of {all_of_them})"
    kept = ways == [OTHER_WAY] and took <= FALLBACK_S
    return Line("N8: no UDP, the page in Chromium", f"another way ≤ {FALLBACK_S:g} s", said, kept)


async def _blocked_call(chromium: Browser, url: str, door: str) -> tuple[float, str]:
    """Return the seconds from the click on, and what it came to: the other way, or the code of a card."""
    context = await chromium.new_context()
    await call_through(context, url, door)
    page = await open_page(context, url, Complaints())
    began = time.perf_counter()
    await page.click("#start")
    ended = page.locator(".card, html:is([data-state=listening], [data-state=speaking])").first
    await ended.wait_for(state="attached", timeout=LOOK_S * 1000)
    took = time.perf_counter() - began
    code, way = await ended.get_attribute("data-code"), await page.locator("#carrier").inner_text()
    await context.close()
    return took, code or (OTHER_WAY if "WebSocket" in way else "over UDP")
