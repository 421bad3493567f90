import asyncio

import pytest

from mediaserver.tasks import cancel_once, own_tasks


async def test_what_the_user_raises_leaves_as_it_is_when_the_tasks_are_done() -> None:
    told: list[str] = []
    stop = asyncio.Event()

    async def keep() -> None:
        await stop.wait()
        told.append("stopped")

    with pytest.raises(KeyError):
        async with own_tasks() as tasks:
            tasks.create_task(keep())
            try:
                raise KeyError("mine")
            finally:
                stop.set()
    assert told == ["stopped"]


async def test_a_task_that_fails_ends_the_context() -> None:
    async def fail() -> None:
        raise ValueError("a defect")

    with pytest.raises(ExceptionGroup) as failed:
        async with own_tasks() as tasks:
            tasks.create_task(fail())
            await asyncio.Event().wait()
    assert failed.group_contains(ValueError)


async def test_a_task_that_is_cancelled_once_more_clears_up() -> None:
    cleared = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0)
            cleared.set()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    cancel_once(task)
    await asyncio.sleep(0)
    cancel_once(task)
    cancel_once(None)
    await asyncio.gather(task, return_exceptions=True)
    assert cleared.is_set()
