"""The server that is loaded, in a process of its own: what it holds, how late its loop is, what it says of ended calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import aiohttp
import psutil

from benchmarks.servers import OURS, cores, providing, running

KEY = {"Authorization": "Bearer sk-local"}
EMPTY_S = 50.0
"""After the last call: its silence counts as the end after 30 s, and an offer without media after 10 s."""

TIDY_S = 1.5
"""The server tidies up a second after its last call."""

_BUCKET = re.compile(r'mediaserver_loop_lag_seconds_bucket\{le="(.+)"\}')


@dataclass(frozen=True, slots=True)
class Look:
    """One moment of the server: every metric by its name, and what its process holds."""

    metrics: Mapping[str, float]
    tasks: int
    descriptors: int
    threads: int
    rss: int
    """Bytes."""

    @property
    def held(self) -> tuple[int, int, int]:
        """Tasks, descriptors and threads."""
        return self.tasks, self.descriptors, self.threads

    @property
    def sessions(self) -> int:
        """Conversations, and peers without one."""
        return int(self.metrics["mediaserver_sessions"] + self.metrics["mediaserver_media_peers"])

    def ended(self, reason: str) -> int:
        """Conversations that ended for this reason since the start."""
        return int(self.metrics.get(f'mediaserver_sessions_ended_total{{reason="{reason}"}}', 0))


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the loop was between two looks: looks by upper bound in milliseconds."""

    buckets: Mapping[float, int]

    @classmethod
    def between(cls, before: Look, after: Look) -> Lag:
        """Return what came in between."""
        sums = [
            (1000 * float(named[1]), int(value - before.metrics.get(name, 0)))
            for name, value in after.metrics.items()
            if (named := _BUCKET.fullmatch(name))
        ]
        return cls({bound: count - less for (bound, count), (_, less) in zip(sums, [(0.0, 0), *sums], strict=False)})

    @property
    def worst(self) -> float:
        """The bound that nothing was above."""
        return self.below(1.0)

    def below(self, part: float) -> float:
        """Return the least bound that this part of the looks did not exceed."""
        seen, wanted = 0, part * sum(self.buckets.values())
        for bound, count in self.buckets.items():
            seen += count
            if seen >= wanted:
                return bound
        return float("inf")

    def __str__(self) -> str:
        return f"loop lag p99 ≤ {self.below(0.99):.0f} ms, max ≤ {self.worst:.0f} ms"


class Watched:
    """A server that runs: ``url`` and ``http`` to call it, :meth:`look` to see what that costs it."""

    def __init__(self, url: str, pid: int, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http
        self.process = psutil.Process(pid)

    async def look(self) -> Look:
        """Ask for the metrics, over a connection that is closed again: two looks hold the same."""
        async with self.http.get(f"{self.url}/metrics", headers=KEY) as answer:
            lines = (await answer.text()).splitlines()
        metrics = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}
        process = self.process
        return Look(
            metrics, int(metrics["mediaserver_tasks"]), process.num_fds(), process.num_threads(), self.rss()
        )  # fmt: skip

    def rss(self) -> int:
        """Bytes that the process has in memory."""
        return int(self.process.memory_info().rss)

    async def until(self, condition: Callable[[Look], bool], seconds: float) -> Look:
        """Look until something is so, for so long at most, and return the last look."""
        deadline = time.monotonic() + seconds
        while not condition(look := await self.look()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        return look

    async def emptied(self, base: Look | None = None) -> Look:
        """Wait until every call is gone, and what is held is what ``base`` held; return the last look."""
        await self.until(lambda look: look.sessions == 0, EMPTY_S)
        await asyncio.sleep(TIDY_S)
        return await self.until(lambda look: base is None or look.held == base.held, 5.0)


@contextlib.asynccontextmanager
async def watched(sections: Mapping[str, Mapping[str, object]] | None = None) -> AsyncIterator[Watched]:
    """Run a server with these sections of its configuration, and the models ``echo`` and ``lean``, which takes turns."""
    with (
        providing("benchmarks.peers.turn_realtime") as answering,
        running(replace(OURS, provider=answering), sections) as (url, pid),
        _beside(),
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http:
            yield Watched(url, pid, http)


@contextlib.contextmanager
def _beside() -> Iterator[None]:
    """Keep the callers, this process, off the core of the server."""
    pair = cores()
    before = os.sched_getaffinity(0) if pair else set()
    if pair:
        os.sched_setaffinity(0, {pair[1]})
    try:
        yield
    finally:
        if pair:
            os.sched_setaffinity(0, before)
