"""Tries one after the other, a further one when those under way have failed or are slow: the first success counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mediaserver.errors import BridgeError

Won = TypeVar("Won")


@dataclass(frozen=True, slots=True)
class Try(Generic[Won]):
    """One try, who is told how it went, and what becomes of a result that comes too late."""

    run: Callable[[], Awaitable[Won]]
    succeeded: Callable[[], None]
    failed: Callable[[BridgeError], None]
    discard: Callable[[Won], Awaitable[None]]


async def race(tries: Iterator[Try[Won]], impatient: Callable[[], Coroutine[Any, Any, None]], none: BridgeError) -> Won:
    """Return the first result. Raises the last BridgeError when all have failed, ``none`` without a try.

    A further try begins when ``impatient()``, called as the last one begins, has returned. Those that lose are
    cancelled and over when this returns; one that had begun before the winner has failed, by being slow.
    """
    failure, running, won = none, list[_Running[Won]](), list[Won]()
    try:
        async with asyncio.TaskGroup() as tasks:
            while not won:
                one = next(tries, None)
                if one is not None:
                    running.append(_Running(one, tasks.create_task(_tried(one))))
                elif not running:
                    break
                for each in await _some(running, None if one is None else tasks.create_task(impatient())):
                    failure = await _settle(each, running, won) or failure
            for each in running:
                each.task.cancel()
    finally:
        for each in running:  # one may have succeeded in the moment in which it was cancelled
            if not each.task.cancelled() and isinstance(late := each.task.result(), tuple):
                await each.one.discard(late[0])
    if not won:
        raise failure
    return won[0]


@dataclass(frozen=True, slots=True)
class _Running(Generic[Won]):
    one: Try[Won]
    task: asyncio.Task[tuple[Won] | BridgeError]


async def _some(running: list[_Running[Won]], waiting: asyncio.Task[None] | None) -> list[_Running[Won]]:
    """Return those that are over; none, when it is time for a further try."""
    tasks: set[asyncio.Task[Any]] = {each.task for each in running}
    try:
        await asyncio.wait(tasks if waiting is None else tasks | {waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if waiting is not None:
            waiting.cancel()
    return [each for each in running if each.task.done()]


async def _settle(each: _Running[Won], running: list[_Running[Won]], won: list[Won]) -> BridgeError | None:
    at = running.index(each)
    del running[at]
    result = each.task.result()
    if isinstance(result, BridgeError):
        each.one.failed(result)
        return result
    each.one.succeeded()
    if won:
        await each.one.discard(result[0])
        return None
    won.append(result[0])
    for slower in running[:at]:
        slower.one.failed(BridgeError("another engine was faster", code="timeout"))
    return None


async def _tried(one: Try[Won]) -> tuple[Won] | BridgeError:
    try:
        return (await one.run(),)
    except BridgeError as failure:
        return failure
