import asyncio

import pytest

from mediaserver.cache.owner import task_owner


async def test_what_goes_wrong_in_the_block_is_not_wrapped_and_the_tasks_are_over():
    done = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    with pytest.raises(KeyError):
        async with task_owner() as tasks:
            tasks.create_task(work())
            raise KeyError
    assert done == [1]
