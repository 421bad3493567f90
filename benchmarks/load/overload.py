"""L5: a full server that is asked for five times what it holds, again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from benchmarks.client import Caller
from benchmarks.load.callers import HOST, identity, now
from benchmarks.load.crowd import APART_S, Crowd, crowd, crowding
from benchmarks.load.together import WARM_UP_S
from benchmarks.load.watched import KEY, Lag, Watched, watched
from benchmarks.promises import Line

EACH, TIMES = 5, 5
EVERY_S = 1.0
"""Each of those who are too many asks so often."""

REFUSED_MS, LAG_P99_MS = 50.0, 30.0
_UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip


@dataclass(slots=True)
class Asked:
    """What those who were too many were told: how long each answer took (ms), and answers that no full server gives."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def note(self, status: int, retry_after: str | None, took_ms: float) -> None:
        """Take an answer."""
        self.took.append(took_ms)
        if status != 503 or not (retry_after or "").isdigit():
            self.wrong.append(f"{status}, Retry-After {retry_after}")

    def percentile(self, part: float) -> float:
        """Return a percentile of what the answers took."""
        return sorted(self.took)[int(part * (len(self.took) - 1))]


async def overloaded(each: int, seconds: float) -> tuple[Crowd, Asked, Lag]:
    """Fill a server with calls of both kinds, and have four times as many more ask all the while."""
    held, asked = 2 * each, Asked()
    async with watched({"sessions": {"max": held}}) as server:
        await crowd(server, 1, WARM_UP_S)
        before = await server.emptied()
        async with crowding(server, each, seconds + held * APART_S) as running:
            before = await server.until(lambda look: look.metrics["mediaserver_sessions"] == held, 10.0)
            async with asyncio.timeout(seconds + 30), asyncio.TaskGroup() as tasks:
                for number in range((TIMES - 1) * held):
                    tasks.create_task(_asks(server, number, seconds - held * APART_S - 1, asked))
            lag = Lag.between(before, await server.look())
        return running, asked, lag


async def _asks(server: Watched, number: int, seconds: float, asked: Asked) -> None:
    await asyncio.sleep(random.uniform(0, EVERY_S))
    ends = now() + seconds
    while now() < ends:
        began = now()
        await (_offers if number % 2 else _upgrades)(server, asked)
        await asyncio.sleep(max(0.0, began + EVERY_S - now()))


async def _offers(server: Watched, asked: Asked) -> None:
    caller = Caller(identity(), HOST)
    offer, began = caller.offer(), now()
    caller.close()
    headers = KEY | {"Content-Type": "application/sdp"}
    async with server.http.post(f"{server.url}/v1/realtime/calls?model=echo", data=offer, headers=headers) as answer:
        asked.note(answer.status, answer.headers.get("Retry-After"), 1000 * (now() - began))


async def _upgrades(server: Watched, asked: Asked) -> None:
    began = now()
    async with server.http.get(f"{server.url}/v1/realtime?model=echo", headers=KEY | _UPGRADE) as answer:
        asked.note(answer.status, answer.headers.get("Retry-After"), 1000 * (now() - began))


async def l5(seconds: float | None) -> AsyncIterator[Line]:
    """Five times the capacity for a minute."""
    lasts = seconds or 60
    running, asked, lag = await overloaded(EACH, lasts)
    took = f"in {asked.percentile(0.5):.1f} ms (p50), {asked.percentile(0.99):.1f} (p99), {max(asked.took):.1f} (max)"
    said = f"{len(asked.took)} refused {took}, {len(asked.wrong)} answered otherwise; running calls: {running}; {lag}"
    kept = not asked.wrong and max(asked.took) < REFUSED_MS
    kept = kept and not running.failures and not running.deaf and lag.below(0.99) <= LAG_P99_MS
    promised = f"503 and Retry-After in < {REFUSED_MS:.0f} ms; loop lag p99 < {LAG_P99_MS:.0f} ms, 0 calls dropped"
    yield Line(f"L5 {TIMES} times the capacity of {2 * EACH}, {lasts:.0f} s", promised, said, kept)
