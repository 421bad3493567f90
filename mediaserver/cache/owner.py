"""Who owns the tasks of the cache."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def task_owner() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a group whose tasks are over when the block is left; what goes wrong in the block goes on as it is, not wrapped.

    Whoever starts tasks ends them within the block.
    """
    tasks = asyncio.TaskGroup()
    await tasks.__aenter__()
    try:
        yield tasks
    finally:
        await tasks.__aexit__(None, None, None)
