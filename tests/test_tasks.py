import asyncio
import threading
from pathlib import Path

import pytest

from mediaserver.tasks import cancel_once, opened_beside, own_tasks


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


async def test_what_is_opened_beside_is_closed_in_the_end(tmp_path: Path) -> None:
    async with opened_beside(lambda: (tmp_path / "file").open("wb"), lambda file: file.close()) as file:
        assert not file.closed
    assert file.closed


async def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with opened_beside(lambda: (tmp_path / "none").open("rb"), lambda file: file.close()):
            raise AssertionError("it is not there")


@pytest.mark.parametrize("there", [True, False])
async def test_who_is_cancelled_while_something_is_opened_leaves_nothing_open(tmp_path: Path, there: bool) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), asyncio.Event()

    def make() -> str:
        begun.set()
        go_on.wait(10)
        if not there:
            raise OSError("no such thing")
        return "open"

    async def use() -> None:
        async with opened_beside(make, lambda made: closed.set()):
            raise AssertionError("it was cancelled before")

    task = asyncio.ensure_future(use())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not closed.is_set()
    go_on.set()
    if there:
        async with asyncio.timeout(10):
            await closed.wait()
