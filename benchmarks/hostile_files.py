"""What files of sound that want to do harm cost: how long until they are refused, how late the event loop is meanwhile.

Run ``python -m benchmarks.hostile_files [--files 20]``. Bombs are ten minutes of silence as FLAC and as Ogg Opus, under a
limit of one minute; mutants are such files with 100 bytes changed. Also what a short clip costs with a decoder that waits
for it and without.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np

from mediaserver.audio.decoders import Decoders, warm_decoders
from mediaserver.audio.files import DecodeLimits, decoded
from mediaserver.errors import Overloaded, UnusableSound

LIMITS = DecodeLimits(max_seconds=60)
TICK_S = 0.005


def silence(container: str, codec: str, rate: int, seconds: int) -> bytes:
    """Return a file of nothing."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        for second in range(seconds):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, rate), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, second * rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def mutant(whole: bytes) -> bytes:
    """Return a file with 100 bytes changed, none of the first four."""
    data, chance = bytearray(whole[:100_000]), random.Random(1)
    for _ in range(100):
        data[chance.randrange(4, len(data))] = chance.randrange(256)
    return bytes(data)


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Note how late (ms) the loop comes to what it should do every 5 ms."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            late.append(1000 * (time.perf_counter() - due))

    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(tick())
        try:
            await asyncio.sleep(4 * TICK_S)
            yield late
        finally:
            ticking.cancel()


async def outcome(path: Path) -> tuple[str, float]:
    """Return how reading ended, and the milliseconds it took."""
    began, code = time.perf_counter(), "read"
    try:
        async with decoded(path, limits=LIMITS):
            pass
    except (UnusableSound, Overloaded) as refusal:
        code = refusal.code
    return code, 1000 * (time.perf_counter() - began)


def row(name: str, codes: list[str], times: list[float], late: list[float]) -> str:
    """Return a line of the table."""
    told = ", ".join(f"{codes.count(code)} {code}" for code in dict.fromkeys(codes))
    p99 = statistics.quantiles(late, n=100)[-1]
    took = f"{statistics.median(times):9.0f} {max(times):8.0f}"
    return f"{name:24} {took}   {statistics.median(late):5.1f} {p99:6.1f} {max(late):6.1f}   {told}"


async def main(files: int) -> None:
    """Measure and print."""
    flac, opus = silence("flac", "flac", 16000, 600), silence("ogg", "libopus", 48000, 600)
    clip = silence("flac", "flac", 16000, 2)
    kinds: dict[str, Callable[[], bytes]] = {
        f"FLAC bomb, {len(flac) / 1000:.0f} kB": lambda: flac,
        f"Opus bomb, {len(opus) / 1000:.0f} kB": lambda: opus,
        "FLAC mutant": lambda: mutant(flac),
        "Opus mutant": lambda: mutant(opus),
        "playlist": lambda: b"#EXTM3U\nhttp://192.0.2.1/a.ts\n" * 100,
        "clip of 2 s": lambda: clip,
    }
    print(f"{files} of each at once, two decoders at work; ms")
    print(f"{'':24} {'took p50':>9} {'max':>8}   {'lag':>5} {'p99':>6} {'max':>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        async with warm_decoders(most=2, ready=2, wait_s=600):
            for name, make in kinds.items():
                path.write_bytes(make())
                async with lag() as late:
                    done = await asyncio.gather(*(outcome(path) for _ in range(files)))
                print(row(name, [code for code, _ in done], [took for _, took in done], late))
        path.write_bytes(clip)
        for ready in (0, 1):
            async with warm_decoders(ready=ready) as warm:
                await asyncio.sleep(2)
                times = []
                for _ in range(files):
                    await _settled(warm, ready)
                    times.append((await outcome(path))[1])
                print(f"a clip, {ready} waiting: p50 {statistics.median(times):.0f} ms, max {max(times):.0f} ms")


async def _settled(warm: Decoders, ready: int) -> None:
    for _ in range(1000):
        if warm.waiting >= ready:
            return
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=20)
    asyncio.run(main(parser.parse_args().files))
