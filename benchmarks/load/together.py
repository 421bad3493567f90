"""L1 and L2: calls of both kinds at once; how late the loop gets, and what is left when they are over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from benchmarks.load.crowd import Crowd, crowd, crowding
from benchmarks.load.watched import Lag, Look, watched
from benchmarks.promises import Line
from mediaserver.telemetry.lag import BOUNDS_S, LoopLag

EACH, SOAKED = 10, 20
LAG_P99_MS, LAG_MAX_MS = 20.0, 100.0
SLOPE_KIB, LEFT_MB = 64.0, 5.0
SETTLE_S = 120.0
"""Before this the memory still grows to its size; in a shorter run, for a third of it."""

REMEMBERED: dict[str, dict[str, object]] = {"sessions": {"max_items": 16}}
"""What is remembered of a conversation is bounded, and grows up to then: with so few turns it is full within a minute."""

WARM_UP_S = 2.0


@dataclass(slots=True)
class Soaked:
    """A crowd, and the server before, meanwhile and after."""

    crowd: Crowd
    base: Look
    after: Look
    memory: list[tuple[float, int]]
    """Seconds since the start, bytes."""

    def slope(self, settle_s: float) -> float:
        """Return how the memory grew after so many seconds: least squares, KiB per minute."""
        times, sizes = zip(*[each for each in self.memory if each[0] >= settle_s], strict=True)
        return float(np.polyfit(times, sizes, 1)[0]) * 60 / 1024

    @property
    def left_mb(self) -> float:
        """Memory that was not given back."""
        return (self.after.rss - self.base.rss) / 1e6


async def together(each: int, seconds: float) -> tuple[Crowd, Lag, LoopLag]:
    """Hold so many calls of each kind; return how they went, and the lateness of the server's loop and of ours."""
    ours = LoopLag()
    async with watched() as server:
        await crowd(server, 2, WARM_UP_S)
        before = await server.look()
        with ours.looking():
            result = await crowd(server, each, seconds)
        return result, Lag.between(before, await server.look()), ours


async def soaked(each: int, seconds: float) -> Soaked:
    """Hold so many calls of each kind, and let them all go."""
    async with watched(REMEMBERED) as server:
        await crowd(server, each, WARM_UP_S)  # as many as will be: what the heap grows to for them is no leak
        base, began, memory = await server.emptied(), time.monotonic(), []
        async with crowding(server, each, seconds) as result:
            while (at := time.monotonic() - began) < seconds:
                memory.append((at, server.rss()))
                await asyncio.sleep(min(1.0, seconds / 20))
        return Soaked(result, base, await server.emptied(base), memory)


async def l1(seconds: float | None) -> AsyncIterator[Line]:
    """10 + 10 calls for 2 minutes."""
    result, lag, ours = await together(EACH, seconds or 120)
    kept = result.whole and lag.below(0.99) <= LAG_P99_MS and lag.worst <= LAG_MAX_MS
    promised = f"0 failed, loop lag p99 < {LAG_P99_MS:.0f} ms, max < {LAG_MAX_MS:.0f} ms, 0 gaps > 60 ms"
    said = f"{result}; {lag} (the callers' own loop: max ≤ {_worst_ms(ours):.0f} ms)"
    yield Line(f"L1 {EACH} WebRTC + {EACH} WebSocket calls, {seconds or 120:.0f} s", promised, said, kept)


async def l2(seconds: float | None) -> AsyncIterator[Line]:
    """20 + 20 calls for 10 minutes."""
    lasts = seconds or 600
    run = await soaked(SOAKED, lasts)
    settle = min(SETTLE_S, lasts / 3)
    slope, same = run.slope(settle), run.after.held == run.base.held
    peak = (max(size for _, size in run.memory) - run.base.rss) / 1e6
    said = (
        f"{run.crowd}; memory {slope:+.0f} KiB/min after {settle:.0f} s, {peak:.0f} MB more at its peak; after it "
        f"{run.left_mb:+.1f} MB, tasks, descriptors, threads {run.after.held} where {run.base.held} were"
    )
    kept = not run.crowd.failures and not run.crowd.deaf and slope < SLOPE_KIB and same and run.left_mb <= LEFT_MB
    promised = (
        f"memory < {SLOPE_KIB:.0f} KiB/min; after it ≤ {LEFT_MB:.0f} MB more, tasks, descriptors, threads as before"
    )
    yield Line(f"L2 {SOAKED} + {SOAKED} calls, {lasts:.0f} s", promised, said, kept)


def _worst_ms(lag: LoopLag) -> float:
    return 1000 * max(bound for bound, count in zip((*BOUNDS_S, float("inf")), lag.counts, strict=True) if count)
