"""What we add to a provider's voice, and how soon it is stopped: ``python -m benchmarks.voices``.

The engines of ElevenLabs and Deepgram speak one word with their simulators in this process, whose time to the first byte is
fixed. Measured in milliseconds: from the call of ``speak`` to its first sound less that fixed time (the simulator's own work
is in it), and from closing it to the moment the provider stops. Over HTTP a provider notices with the next piece that it
sends, here every 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from contextlib import aclosing
from typing import Any

from benchmarks.servers import circumstances, table
from tests.bridges.tts.voices import WAYS, engine_of

DELAY_S, TEXT = 0.05, "One"
clock = time.perf_counter


async def first_sound(engine: Any) -> float:
    """Return the ms that a text takes to its first sound beyond the provider's own time, and stop it."""
    started = clock()
    async with aclosing(engine.speak(TEXT)) as sounds:
        await anext(sounds)
        return (clock() - started - DELAY_S) * 1000


async def stopping(engine: Any, server: Any) -> float:
    """Return the ms from closing a text that sounds to the provider's stop."""
    server.stopped.clear()
    sounds = engine.speak(TEXT)
    await anext(sounds)
    started = clock()
    await sounds.aclose()
    await server.stopped.wait()
    return (clock() - started) * 1000


async def measured(way: str, tries: int) -> list[str]:
    """Return the row of one way to speak."""
    async with WAYS[way].server(speed=1.0, chunk_ms=20, delay_s=DELAY_S) as server, engine_of(way, server) as engine:
        await engine.warm()
        await first_sound(engine)
        alone = [await first_sound(engine) for _ in range(tries)]
        stops = [await stopping(engine, server) for _ in range(tries)]
    return [way, span(alone), span(stops)]


def span(values: list[float]) -> str:
    """Return median and most of it."""
    return f"{statistics.median(values):.1f} / {max(values):.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=15, help="texts of each way (%(default)s)")
    args = parser.parse_args()
    rows = [asyncio.run(measured(way, args.tries)) for way in WAYS]
    print(table(["median / most, ms", "first sound", "closed → provider stops"], rows))
    print(circumstances(kept=False))


if __name__ == "__main__":
    main()
