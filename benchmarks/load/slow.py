"""L6: clients that do not take what they are sent, beside some that do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from benchmarks.load.callers import FRAME_S, speak
from benchmarks.load.crowd import APART_S, Crowd, crowd, crowding
from benchmarks.load.deaf import Deaf, unacknowledged_channel, unread_socket, unread_sound
from benchmarks.load.together import WARM_UP_S
from benchmarks.load.watched import Watched, watched
from benchmarks.promises import Line

EACH, DEAF = 2, 3
LASTS_S = 15.0
MOST_MB, CLOSED_S = 4.0, 10.0


@dataclass(slots=True)
class Endured:
    """How the others fared, what each deaf one cost, and how many were ended as lost within how many seconds."""

    others: Crowd
    most_mb: float
    passed_s: float
    lost: int


async def endured(kind: Deaf, deaf: int, each: int, seconds: float) -> Endured:
    """Have so many deaf clients beside calls of both kinds, for so long at most."""
    async with watched() as server:
        await crowd(server, each, WARM_UP_S)
        await server.emptied()
        async with crowding(server, each, seconds + 2 * each * APART_S) as others:
            before = await server.until(lambda look: look.metrics["mediaserver_sessions"] == 2 * each, 10.0)
            base, began, most, lost, passed = before.ended("connection_lost"), time.monotonic(), 0, 0, 0.0
            async with asyncio.TaskGroup() as tasks:
                for _ in range(deaf):
                    tasks.create_task(_deaf(server, kind, seconds - 1))
                while lost < deaf and (passed := time.monotonic() - began) < seconds - 1:
                    most = max(most, server.rss() - before.rss)
                    lost = (await server.look()).ended("connection_lost") - base
                    await asyncio.sleep(0.1)
        return Endured(others, most / 1e6 / deaf, passed, lost)


async def _deaf(server: Watched, kind: Deaf, seconds: float) -> None:
    with contextlib.suppress(ConnectionError):
        async with kind(server) as client:
            await speak(client, range(round(seconds / FRAME_S)))


async def l6(seconds: float | None) -> AsyncIterator[Line]:
    """Three of each kind."""
    for kind, what, ends in (
        (unread_socket, "WebSockets that are not read", True),
        (unacknowledged_channel, "data channels that are never acknowledged", True),
        (unread_sound, "calls whose sound is never read", False),
    ):
        run = await endured(kind, DEAF, EACH, seconds or LASTS_S)
        said = f"{run.most_mb:.1f} MB each, {run.lost} ended as lost in {run.passed_s:.1f} s; others: {run.others}"
        kept = run.most_mb <= MOST_MB and run.others.whole
        kept = kept and (run.lost == DEAF and run.passed_s <= CLOSED_S if ends else run.lost == 0)
        promised = f"≤ {MOST_MB:.0f} MB each" + (f", ended with a reason in ≤ {CLOSED_S:.0f} s" if ends else "")
        yield Line(f"L6 {DEAF} {what}", f"{promised}; others: 0 gaps > 60 ms", said, kept)
