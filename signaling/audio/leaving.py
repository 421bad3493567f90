"""Work for a client that is stopped as soon as the client is gone, so that no engine works for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

LOOK_S = 0.25
"""How often is looked whether it is still there."""

CLIENT_GONE = 499
"""What the access log says of it; nobody reads the answer."""

Answering = Coroutine[Any, Any, web.StreamResponse]


async def while_here(request: web.Request, work: Answering) -> web.StreamResponse:
    """Return what ``work`` returns, and raise what it raises; it is cancelled when the client's connection closes."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_ended(work), name="answer")
        while not running.done():
            await asyncio.wait((running,), timeout=LOOK_S)
            if not running.done() and gone(request):
                running.cancel()
    if running.cancelled():
        return web.Response(status=CLIENT_GONE)
    response, problem = running.result()
    if problem is not None:
        if gone(request) and isinstance(problem, ConnectionError):
            return web.Response(status=CLIENT_GONE)
        raise problem
    assert response is not None  # noqa: S101 - it is what the work returned
    return response


def gone(request: web.Request) -> bool:
    """Say whether the client's connection is closed."""
    return request.transport is None or request.transport.is_closing()


async def _ended(work: Answering) -> tuple[web.StreamResponse | None, Exception | None]:
    """Keep a failure as a value: raised in a task it would come out of the group as a group."""
    try:
        return await work, None
    except Exception as problem:  # the owner of this task raises it
        return None, problem
