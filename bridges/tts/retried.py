"""One more try of a text of which nothing was heard yet; more would be said twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from bridges.retries import wait_before
from mediaserver.breaker import RetryBudget
from mediaserver.clock import monotonic
from mediaserver.errors import BridgeError
from mediaserver.speech import Sound

RESERVE = 10
"""Retries of one engine that may always come within a minute: a socket that is lost takes several texts with it."""
LOST = "connection_lost"
"""A connection that is gone is made anew at once; everything else waits as :mod:`bridges.retries` says."""


async def retried(
    speak: Callable[[bool], AsyncGenerator[Sound, None]], budget: RetryBudget, *, refusals: bool
) -> AsyncGenerator[Sound, None]:
    """Yield the sound; ``speak`` is told whether it is the second try. Raises BridgeError.

    ``refusals``: try again also after the provider's own ones.
    """
    budget.offer(monotonic())
    heard = False
    try:
        async with aclosing(speak(False)) as sounds:
            async for sound in sounds:
                heard = True
                yield sound
        return
    except BridgeError as failure:
        wait = None if heard else _wait(failure, refusals=refusals)
        if wait is None or not budget.take(monotonic()):
            raise
    await asyncio.sleep(wait)
    async with aclosing(speak(True)) as sounds:
        async for sound in sounds:
            yield sound


def _wait(failure: BridgeError, *, refusals: bool) -> float | None:
    if failure.code == LOST:
        return 0.0
    return wait_before(failure, 1, random.random()) if refusals else None
