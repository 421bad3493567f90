"""What is kept, near and far: memory answers at once, folder and Redis within milliseconds or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from mediaserver.cache.entry import Entry
from mediaserver.cache.memory import NAME as MEMORY
from mediaserver.cache.memory import Memory
from mediaserver.cache.tally import Tally
from mediaserver.tasks import own_tasks

FAR_S = 0.005
"""Who wants to speak waits so long for the far tiers; what they find later is in memory for the next."""
LATE = 192
"""Tasks of look-ups on their way, late ones included; no more are made."""
QUEUED = 256
QUEUED_BYTES = 32 * 1024 * 1024
"""What waits to be written to the far tiers at most; one more entry is not written, and counted."""
CLOSE_S = 2.0
"""The far tiers have so long to take what waits when the server stops."""


class FarTier(Protocol):
    """A tier that is waited for. Bounds its own waits, and never raises."""

    @property
    def name(self) -> str:
        """Its name in metrics."""
        ...

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is small enough."""
        ...

    async def get(self, key: str) -> Entry | None:
        """Return what is kept under a key and not too old."""
        ...

    async def put(self, key: str, entry: Entry) -> bool:
        """Keep an entry; say whether it was."""
        ...


class Tiers:
    """Memory before the far tiers. ``wall``: unix seconds."""

    def __init__(
        self, memory: Memory, far: Sequence[FarTier], tally: Tally, wall: Callable[[], float] = time.time
    ) -> None:
        self.tally = tally
        self.wall = wall
        self._memory = memory
        self._far = tuple(far)
        self._tasks: asyncio.TaskGroup | None = None
        self._late: set[asyncio.Task[Entry | None]] = set()
        self._queue: asyncio.Queue[tuple[str, Entry]] = asyncio.Queue(QUEUED)
        self._queued = 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Tiers]:
        """Look up and write in the background while the context is open; then write what waits, for a moment."""
        async with own_tasks() as tasks:
            self._tasks = tasks
            writing = tasks.create_task(self._write(), name="cache write-behind")
            try:
                yield self
            finally:
                self._tasks = None
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._queue.join(), CLOSE_S)
                for task in (writing, *self._late):
                    task.cancel()

    @property
    def alone(self) -> bool:
        """Whether there is no far tier: what is kept is in this process only."""
        return not self._far

    def takes(self, entry: Entry) -> bool:
        """Say whether any tier can keep an entry of this size."""
        return self._memory.takes(entry) or any(tier.takes(entry) for tier in self._far)

    def near(self, key: str, max_age: float | None = None) -> Entry | None:
        """Return what memory holds; a plain call."""
        entry = self._memory.get(key)
        if entry is None or not entry.fresh(self.wall(), max_age):
            return None
        self.tally.hits[MEMORY] += 1
        return entry

    async def far(self, key: str, *, within: float | None = None, max_age: float | None = None) -> Entry | None:
        """Return what a far tier holds, if it says so ``within`` seconds (:data:`FAR_S`); it is in memory then."""
        if self._tasks is None or not self._far or len(self._late) >= LATE:
            return None
        look = self._begin(self._tasks, self._look(self._tasks, key))
        await asyncio.wait({look}, timeout=FAR_S if within is None else within)
        entry = _found(look) if look.done() else None
        return entry if entry is not None and entry.fresh(self.wall(), max_age) else None

    def keep(self, key: str, entry: Entry, *, far: bool = True) -> None:
        """Keep an entry in memory, and in the far tiers soon. A plain call."""
        self._memory.put(key, entry)
        if not far or not self._far or self._tasks is None:
            return
        if self._queue.full() or self._queued + entry.size > QUEUED_BYTES:
            self.tally.dropped += 1
            return
        self._queue.put_nowait((key, entry))
        self._queued += entry.size

    async def store(self, key: str, entry: Entry) -> bool:
        """Keep an entry and return when the far tiers have taken it or not; say whether one has, or memory alone."""
        self._memory.put(key, entry)
        taken = [await tier.put(key, entry) for tier in self._far]
        return any(taken) if self._far else self._memory.takes(entry)

    def _begin(self, tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, Entry | None]) -> asyncio.Task[Entry | None]:
        task = tasks.create_task(work, name="cache look-up")
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    async def _look(self, tasks: asyncio.TaskGroup, key: str) -> Entry | None:
        """Ask all far tiers at once; the first that has it counts."""
        asked = {self._begin(tasks, self._hit(tier, key)) for tier in self._far}
        while asked:
            done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for entry in filter(None, map(_found, done)):
                self._memory.put(key, entry)
                return entry
        return None

    async def _hit(self, tier: FarTier, key: str) -> Entry | None:
        entry = await tier.get(key)
        if entry is not None:
            self.tally.hits[tier.name] += 1
        return entry

    async def _write(self) -> None:
        while True:
            key, entry = await self._queue.get()
            for tier in self._far:
                await tier.put(key, entry)
            self._queued -= entry.size
            self._queue.task_done()


def _found(look: asyncio.Task[Entry | None]) -> Entry | None:
    return None if look.cancelled() else look.result()
