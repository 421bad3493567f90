"""Tasks and threads of something that is open for others to use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Made = TypeVar("Made")


def cancel_once(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task, unless that was done already: cancelled twice, it could not clear up."""
    if task is not None and not task.cancelling():
        task.cancel()


@asynccontextmanager
async def own_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup in which the user's own exception leaves the context as it is, not in the group's wrapping.

    The tasks are waited for then, not cancelled: whoever opens this stops them. Raises ExceptionGroup when a task failed.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        try:
            yield tasks
        except Exception as raised:
            failure = raised
    if failure is not None:
        raise failure


@asynccontextmanager
async def opened_beside(make: Callable[[], Made], close: Callable[[Made], object]) -> AsyncIterator[Made]:
    """Open something in a thread and close it here; who is cancelled meanwhile leaves nothing open behind.

    Raises what ``make`` raises.
    """
    making = asyncio.get_running_loop().run_in_executor(None, make)
    try:
        made = await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(lambda done: close(done.result()) if done.exception() is None else None)
        raise
    try:
        yield made
    finally:
        close(made)
