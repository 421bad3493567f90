"""The most memory that a server and the decoders that it starts have at a time, looked at ten times a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

EVERY_S = 0.1


@dataclass(slots=True)
class Held:
    """Bytes at the most: of the server, without files that are mapped; and of one of its children."""

    server: int = 0
    child: int = 0

    def look(self, process: psutil.Process) -> None:
        """Take what there is now."""
        told = process.memory_info()
        self.server = max(self.server, told.rss - told.shared)
        for child in process.children():
            with suppress(psutil.Error):
                self.child = max(self.child, child.memory_info().rss)


@asynccontextmanager
async def holding(pid: int) -> AsyncIterator[Held]:
    """Look until the block is left."""
    held, process = Held(), psutil.Process(pid)

    async def looking() -> None:
        while True:
            held.look(process)
            await asyncio.sleep(EVERY_S)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(looking())
        try:
            yield held
        finally:
            task.cancel()
