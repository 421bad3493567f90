import asyncio

import pytest

from mediaserver.tasks import own_tasks


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
