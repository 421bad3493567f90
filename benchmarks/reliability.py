"""The promises about bad networks and hostile strangers in full amounts: what was promised and what was measured.

usage: python -m benchmarks.reliability [--seconds 60] [--only PARTS]

Parts: network,turn_ends,barge_in,outages,narrow_paths,strangers,setups,abandoned,cycles.

Needs the repository with its tests: the bad network and the callers are those of ``tests/servers``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

from benchmarks.barge_in import barge_in
from benchmarks.client import Caller
from benchmarks.ending import end_what_was_started
from benchmarks.narrow_paths import narrow_paths
from benchmarks.outages import outages
from benchmarks.promises import Line, collected, told
from benchmarks.turn_ends import turn_ends
from mediaserver.rtc.port import MediaSettings
from tests.rtc.clients import Text, media_port, until
from tests.servers.lean_call import HOST, identity, lean_call
from tests.servers.strangers import Stranger
from tests.servers.udp_impair import Weather

SETTINGS = MediaSettings(addresses=(HOST,), max_pending=1000)
STRANGERS, SETUPS, ABANDONED, CYCLES = 100_000, 200, 500, 200


@dataclass(frozen=True, slots=True)
class Promise:
    """One bad network: the least part of the frames that the listener gets, and the most delay added at p95.

    ``made_up`` is the most of them that may be concealed; the caller's packets repeat ``copies`` before them (RFC 2198).
    """

    name: str
    weather: Weather
    frames: float
    added_ms: float = 60.0
    made_up: float = 1.0
    copies: int = 0


NETWORKS = (
    *(
        Promise(f"loss {loss:.0%}{' in bursts of 3' if burst > 1 else ''}", Weather(loss=loss, burst=burst), frames)
        for burst in (1, 3)
        for loss, frames in ((0.01, 0.995), (0.05, 0.98), (0.10, 0.95), (0.20, 0.88))
    ),
    *(
        Promise(
            f"loss {loss:.0%}{' in bursts of 3' if burst > 1 else ''}, {copies} cop{'ies' if copies > 1 else 'y'}",
            Weather(loss=loss, burst=burst),
            0.99,
            made_up=made_up,
            copies=copies,
        )
        for copies, burst, loss, made_up in (
            (1, 1, 0.10, 0.02),
            (1, 1, 0.20, 0.06),
            (1, 3, 0.10, 0.08),
            (1, 3, 0.20, 0.15),
            (2, 1, 0.10, 0.005),
            (2, 1, 0.20, 0.02),
            (2, 3, 0.10, 0.05),
            (2, 3, 0.20, 0.09),
        )
    ),
    Promise("jitter 30 ms", Weather(jitter_ms=30), 0.995),
    Promise("jitter 100 ms", Weather(jitter_ms=100), 0.99, 160),
    Promise("reorder 5%", Weather(reorder=0.05), 0.995),
    Promise("duplicate 5%", Weather(duplicate=0.05), 0.995),
    Promise(
        "loss 5%, jitter 100 ms, reorder 5%, duplicate 5%",
        Weather(loss=0.05, jitter_ms=100, reorder=0.05, duplicate=0.05),
        0.98,
        160,
    ),
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came through: parts of the frames given to the listener and made up, the delay at p50 and p95 in ms."""

    frames: float
    made_up: float
    p50: float
    p95: float

    def beside(self, base: float) -> str:
        """Return it in words, delays as added to ``base``."""
        added = f"added p50 {self.p50 - base:.0f} ms, p95 {self.p95 - base:.0f} ms"
        return f"frames {self.frames:.1%}, made up {self.made_up:.1%}, {added}"


async def network(seconds: float) -> AsyncIterator[Line]:
    """Speak through each bad network. Delays are those added to the same way in fair weather."""
    fair = await _spoken(Weather(), seconds)
    yield Line("fair weather", "frames ≥ 99.5 %", fair.beside(fair.p50), fair.frames >= 0.995)
    for promise in NETWORKS:
        got = await _spoken(promise.weather, seconds, promise.copies)
        kept = (
            got.frames >= promise.frames and got.p95 - fair.p50 <= promise.added_ms and got.made_up <= promise.made_up
        )
        made_up = f", made up ≤ {promise.made_up:.1%}" if promise.made_up < 1 else ""
        said = f"frames ≥ {promise.frames:.1%}{made_up}, added p95 ≤ {promise.added_ms:.0f} ms"
        yield Line(promise.name, said, got.beside(fair.p50), kept)


async def _spoken(weather: Weather, seconds: float, copies: int = 0) -> Spoken:
    async with media_port(SETTINGS) as port, lean_call(port, weather, seed=1, copies=copies) as call:
        assert call.proxy is not None
        call.proxy.set_weather(Weather())  # fair at both ends of the count: nothing is on its way then
        await call.speak(1.0)
        frames, sent, heard, made_up = call.listening.frames, call.sent, len(call.listening.delays), call.made_up
        call.proxy.set_weather(weather)
        await call.speak(seconds)
        through, delays = call.sent - sent, sorted(call.listening.delays[heard:]) or [float("nan")]
        call.proxy.set_weather(Weather())
        await call.speak(1.0)
        missing = (call.sent - sent) - (call.listening.frames - frames)
        made_up = call.made_up - made_up
    return Spoken(1 - missing / through, made_up / through, delays[len(delays) // 2], delays[int(0.95 * len(delays))])


async def strangers(seconds: float) -> AsyncIterator[Line]:
    """Send hostile datagrams from a third socket to a live call, copies of its own ones among them."""
    async with media_port(SETTINGS) as port, lean_call(port, Weather()) as call:
        await call.speak(1.0)
        genuine, before = list(call.proxy.up.recent) if call.proxy else [], call.listening.frames
        sent_before = call.sent
        with Stranger((HOST, port.port), 1, genuine) as stranger:
            async with asyncio.TaskGroup() as tasks:
                disturbing = tasks.create_task(_send(stranger, STRANGERS))
                while not disturbing.done():
                    await call.speak(1.0)
        lost = 1 - (call.listening.frames - before) / (call.sent - sent_before)
        alive = call.peer.connected
    said = f"{stranger.sent} sent, call {'up' if alive else 'DOWN'}, frames lost {max(0.0, lost):.2%}"
    yield Line(f"{STRANGERS} hostile datagrams on a live call", "call up, lost ≤ 0.1 %", said, alive and lost <= 0.001)


async def _send(stranger: Stranger, count: int) -> None:
    while stranger.sent < count:
        stranger.send(20)
        await asyncio.sleep(0.005)


async def setups(seconds: float) -> AsyncIterator[Line]:
    """Set calls up while a stranger sends what looks like a handshake."""
    connected, slowest = 0, 0.0
    async with media_port(SETTINGS) as port:
        async with lean_call(port, Weather()) as first:
            genuine = [each for each in first.proxy.up.recent if each and 20 <= each[0] <= 63] if first.proxy else []
        for number in range(SETUPS):
            began = time.monotonic()
            with Stranger((HOST, port.port), number, genuine) as stranger:
                async with asyncio.TaskGroup() as tasks:
                    disturbing = tasks.create_task(_send(stranger, 1 << 30))
                    try:
                        async with lean_call(port, connect_s=5.0):
                            connected += 1
                            slowest = max(slowest, time.monotonic() - began)
                    except TimeoutError:
                        pass  # counted by being missing
                    disturbing.cancel()
    said = f"{connected} connected, the slowest in {slowest:.2f} s"
    yield Line(
        f"{SETUPS} set-ups under hostile handshakes", f"{SETUPS} within 2 s", said, connected == SETUPS and slowest <= 2
    )


async def abandoned(seconds: float) -> AsyncIterator[Line]:
    """Make offers that are never followed by media."""
    async with media_port(SETTINGS) as port:
        process, base = psutil.Process(), _held()
        began = time.monotonic()
        for _ in range(ABANDONED):
            caller = Caller(identity(), HOST)
            port.accept(caller.offer(), Text())
            caller.close()
            await asyncio.sleep(0)
        accepted = time.monotonic() - began
        await until(lambda: port.stats()["peers"] == 0, 30)
        freed = time.monotonic() - began
        await asyncio.sleep(0.2)
        left = _held() - base
        memory = process.memory_info().rss / 1e6
    said = f"accepted in {accepted:.1f} s, all freed after {freed:.1f} s, {left} tasks and descriptors left, {memory:.0f} MB"
    yield Line(
        f"{ABANDONED} abandoned offers", "all freed ≤ 12 s, nothing left", said, freed - accepted <= 12 and left == 0
    )


async def cycles(seconds: float) -> AsyncIterator[Line]:
    """Hold many short calls one after the other."""
    async with media_port(SETTINGS) as port:
        for _ in range(CYCLES // 4):
            await _cycle(port)  # allocators fill their pools
        gc.collect()
        base, memory = _held(), psutil.Process().memory_info().rss
        for _ in range(CYCLES):
            await _cycle(port)
        await until(lambda: port.stats()["peers"] == 0)
        gc.collect()
        await asyncio.sleep(0.2)
        left, grown = _held() - base, (psutil.Process().memory_info().rss - memory) / 1024 / CYCLES
    said = f"{left} tasks and descriptors left, {grown:.1f} KiB per call"
    yield Line(f"{CYCLES} calls one after the other", "nothing left, ≤ 2 KiB per call", said, left == 0 and grown <= 2)


async def _cycle(port) -> None:
    async with lean_call(port) as call:
        await call.speak(0.1)


def _held() -> int:
    return len(asyncio.all_tasks()) + psutil.Process().num_fds() + psutil.Process().num_threads()


PARTS = {
    "network": network,
    "turn_ends": turn_ends,
    "barge_in": barge_in,
    "outages": outages,
    "narrow_paths": narrow_paths,
    "strangers": strangers,
    "setups": setups,
    "abandoned": abandoned,
    "cycles": cycles,
}


async def run(parts: list[str], seconds: float) -> list[Line]:
    """Run the chosen parts."""
    return [line for part in parts for line in await collected(PARTS[part](seconds))]


def main() -> int:
    """Measure and print; returns 1 when a promise was broken."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of speech through each network")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    args = parser.parse_args()
    return told(asyncio.run(run(args.only.split(","), args.seconds)))


if __name__ == "__main__":
    sys.exit(main())
