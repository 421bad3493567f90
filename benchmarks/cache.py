"""What the cache of speech gives: ``python -m benchmarks.cache``.

The engine is a stand-in for a provider: 24 kHz, its first 100 ms of sound come 150 ms after it was asked, a phrase is three
seconds long. Printed:

* the time to the first sound over the wrapper that the server puts before voices: without a cache, from memory, and from
  the folder and from Redis with nothing in memory, where more than 5 ms (``FAR_S``) means that the engine was asked;
* 2,000 requests of 200 phrases, the n-th as often as 1/n (Zipf), with memory for a third of the phrases: how many were
  answered from memory, and the bytes that were kept;
* a stampede: 100 equal requests at once, and how many reached the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.promises import percentile
from benchmarks.servers import circumstances, table
from mediaserver.cache.opening import Cached, open_cached
from mediaserver.cacheconfig import Cache
from mediaserver.section import Secret
from mediaserver.speech import PLAIN, Manner, Sound
from tests.servers.redis_server import BINARY, redis_server

RATE, FIRST_S, PIECES = 24000, 0.15, 30
PIECE = Sound(bytes(range(240)) * 20)
PHRASES, REQUESTS, STAMPEDE = 200, 2000, 100
ENTRY = len(PIECE.pcm) * PIECES


class Provider:
    """Counts what it is asked; ``first_s``: seconds to its first sound."""

    rate = RATE
    voices = ("a",)

    def __init__(self, first_s: float = FIRST_S) -> None:
        self.asked = 0
        self.first_s = first_s

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield three seconds."""
        self.asked += 1
        await asyncio.sleep(self.first_s)
        for _ in range(PIECES):
            yield PIECE


async def first_sound(cached: Cached, provider: Provider, text: str) -> float:
    """Return the milliseconds to the first sound of a text; all of it is taken."""
    began, first = time.perf_counter(), 0.0
    async for _ in cached.spoken.of("shop", provider, "provider").speak(text):
        first = first or time.perf_counter() - began
    return 1000 * first


TEXTS = [f"Phrase number {number}." for number in range(20)]


async def said_once(cached: Cached) -> None:
    """Fill the cache."""
    provider = Provider()
    await asyncio.gather(*(first_sound(cached, provider, text) for text in TEXTS))


async def latency(name: str, how: Cache, tries: int) -> list[str]:
    """Return the row of one tier; what outlives the server is filled by one that has stopped."""
    provider = Provider()
    if not how.memory_mb:
        async with open_cached(how) as before:
            await said_once(before)
    async with open_cached(how) as cached:
        if how.memory_mb:
            await said_once(cached)
        times = [await first_sound(cached, provider, TEXTS[number % len(TEXTS)]) for number in range(tries)]
    return [name, *(f"{percentile(times, part):.3f}" for part in (0.5, 0.95, 1.0)), f"{provider.asked}/{tries}"]


async def latencies(tries: int) -> list[list[str]]:
    """Return the rows of all tiers that can be had here."""
    rows = [await latency("no cache", Cache(speech=False), 20), await latency("memory", Cache(), tries)]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(await latency("folder", Cache(memory_mb=0, folder=folder), tries))
    if BINARY is None:
        print("Redis: redis-server is not installed")
        return rows
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = await stack.enter_async_context(redis_server(Path(folder)))
        rows.append(await latency("Redis", Cache(memory_mb=0, redis=Secret(server.url)), tries))
    return rows


async def hit_rate() -> str:
    """Return what a memory that is too small does for phrases of which few are said often."""
    provider, chance = Provider(0.0), random.Random(1)
    weights = [1 / number for number in range(1, PHRASES + 1)]
    asked = chance.choices(range(PHRASES), weights, k=REQUESTS)
    async with open_cached(Cache(memory_mb=PHRASES * ENTRY // 3_000_000)) as cached:
        for number in asked:
            await first_sound(cached, provider, f"Phrase number {number}.")
        tally = cached.tiers.tally
        return (
            f"{REQUESTS} requests of {PHRASES} phrases: {tally.hits['memory'] / REQUESTS:.1%} from memory, "
            f"{tally.misses} asked of the engine, {cached.memory.bytes / 1e6:.1f} MB kept, "
            f"{tally.evictions['memory']} made room"
        )


async def stampede() -> str:
    """Return what became of equal requests at once."""
    provider = Provider()
    async with open_cached(Cache()) as cached:
        times = await asyncio.gather(*(first_sound(cached, provider, "The same.") for _ in range(STAMPEDE)))
        return (
            f"{STAMPEDE} equal requests at once: {provider.asked} upstream call, {cached.tiers.tally.shared} shared, "
            f"first sound p95 {percentile(times, 0.95):.0f} ms"
        )


async def run(tries: int) -> None:
    """Print all of it."""
    print(circumstances(kept=False), "\n")
    heads = ("first sound, ms", "p50", "p95", "most", "engine asked")
    print(table(heads, await latencies(tries)), "\n")
    print(await hit_rate())
    print(await stampede())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tries", type=int, default=500, help="phrases said in each row")
    asyncio.run(run(arguments.parse_args().tries))
