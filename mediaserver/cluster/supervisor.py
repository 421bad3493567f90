"""Keeps a number of workers alive: starts them, starts again what dies, stops them all, and gives up when it must."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mediaserver.clock import Clock, monotonic
from mediaserver.cluster.report import Report
from mediaserver.cluster.respawn import Respawn

log = logging.getLogger(__name__)

START_S = 120.0
"""A worker that is not ready by then is killed."""

UNUSABLE = (1, 2)
"""Exit codes of a worker that cannot start, and has said why: they become the server's."""


class Worker(Protocol):
    """The part of :class:`mediaserver.cluster.child.Child` that matters here."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def stop(self) -> None:
        """Ask it to stop."""
        ...

    def kill(self) -> None:
        """End it."""
        ...

    def reports(self) -> AsyncIterator[Report]:
        """What it says of itself."""
        ...

    async def wait(self) -> int:
        """Return its exit code."""
        ...


Launch = Callable[[int], AbstractAsyncContextManager[Worker]]
"""Starts the worker of this number; it is gone when the context is left."""


class Supervisor:
    """``stop_s``: seconds that the workers have to stop, before they are killed."""

    def __init__(self, launch: Launch, count: int, *, stop_s: float, clock: Clock = monotonic) -> None:
        self.ready = asyncio.Event()
        self._launch = launch
        self._count = count
        self._stop_s = stop_s
        self._clock = clock
        self._stopping = asyncio.Event()
        self._running: dict[int, Worker] = {}
        self._reports: dict[int, Report] = {}
        self._code = 0

    @property
    def reports(self) -> Mapping[int, Report]:
        """The latest word of each worker that is ready."""
        return self._reports

    async def run(self) -> int:
        """Keep the workers until :meth:`stop`; returns 0, or not when the server had to give up."""
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._keep(number), name=f"worker {number}") for number in range(self._count)]
            deadline = tasks.create_task(self._deadline(), name="the workers' deadline")
            await asyncio.wait(keepers)
            deadline.cancel()
        return self._code

    def stop(self) -> None:
        """Ask all workers to stop; again: at once."""
        self._stopping.set()
        for worker in self._running.values():
            worker.stop()

    async def _deadline(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._stop_s)
        log.error("workers that did not stop are killed", extra={"count": len(self._running)})
        for worker in self._running.values():
            worker.kill()

    async def _keep(self, number: int) -> None:
        respawn = Respawn()
        while not self._stopping.is_set():
            code = await self._life(number)
            pause = self._after(number, code, respawn)
            if pause is not None:
                await self._pause(pause)

    async def _life(self, number: int) -> int:
        async with self._launch(number) as worker, asyncio.TaskGroup() as tasks:
            self._running[number] = worker
            if self._stopping.is_set():  # while it was being started
                worker.stop()
            listening = tasks.create_task(self._listen(number, worker), name=f"reports of worker {number}")
            try:
                return await worker.wait()
            finally:
                del self._running[number]
                listening.cancel()

    async def _listen(self, number: int, worker: Worker) -> None:
        late = asyncio.get_running_loop().call_later(START_S, worker.kill)
        try:
            async for report in worker.reports():
                late.cancel()
                if number not in self._reports:
                    log.info("a worker is ready", extra={"worker": number, "pid": worker.pid})
                self._reports[number] = report
                if len(self._reports) == self._count:
                    self.ready.set()
        finally:
            late.cancel()

    def _after(self, number: int, code: int, respawn: Respawn) -> float | None:
        """A worker has ended: say so, and return the pause before the next one, ``None`` when there is to be none."""
        last = self._reports.pop(number, None)
        facts = {"worker": number, "status": code, "calls": last.calls if last else 0}
        if self._stopping.is_set():
            if code != 0:
                log.error("a worker did not stop well", extra=facts)
            return None
        if not self.ready.is_set():
            self._give_up(code if code in UNUSABLE else 1, "a worker could not start", facts)
            return None
        log.error("a worker died, and its calls with it", extra=facts)
        pause = respawn.died(self._clock())
        if pause is None:
            self._give_up(1, "a worker dies again and again: the server gives up", facts)
        return pause

    def _give_up(self, code: int, why: str, facts: Mapping[str, int]) -> None:
        log.error(why, extra=facts)
        self._code = code
        self.stop()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
