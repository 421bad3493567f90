"""Files beside turns: how many at once, what happens to one that made room, and how long one may take."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.local.files import Files
from bridges.local.pool import DISPLACED
from mediaserver.errors import BridgeError


class FakeJob:
    def __init__(self, pool: "FakePool") -> None:
        self.pool, self.fed, self.ended = pool, b"", False

    def feed(self, data: bytes) -> None:
        self.pool.pieces.append(len(data))
        self.fed += data

    def end(self) -> None:
        self.ended = True

    async def result(self) -> Any:
        assert self.ended
        await self.pool.gate.wait()
        if self.pool.failures:
            raise BridgeError("no", code=self.pool.failures.pop(0))
        return len(self.fed)


class FakePool:
    """Counts the jobs that are open; each is done when the gate opens, or fails as told."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.gate = asyncio.Event()
        self.open = self.most = self.jobs = 0
        self.pieces: list[int] = []
        self.facts = {"rate": 16000}

    async def warm(self) -> None:
        await self.gate.wait()

    @asynccontextmanager
    async def job(self, told: Mapping[str, Any], take: object, *, patient: bool) -> AsyncIterator[FakeJob]:
        assert patient
        self.jobs += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            yield FakeJob(self)
        finally:
            self.open -= 1


def files(pool: FakePool, workers: int = 1, file_s: float = 5.0) -> Files:
    return Files(pool, workers, file_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(("workers", "at_once"), [(1, 1), (2, 1), (4, 3)])
async def test_fewer_files_than_workers_are_at_work_at_once(workers: int, at_once: int) -> None:
    pool = FakePool()
    line = files(pool, workers)
    async with asyncio.TaskGroup() as tasks:
        done = [tasks.create_task(line.write_down({}, bytes(1000))) for _ in range(8)]
        await asyncio.sleep(0.01)
        pool.gate.set()
    assert [each.result() for each in done] == [1000] * 8
    assert (pool.most, pool.open) == (at_once, 0)
    assert pool.pieces[:2] == [640, 360]


async def test_a_file_that_made_room_begins_again_and_one_that_failed_does_not() -> None:
    pool = FakePool(DISPLACED, DISPLACED)
    pool.gate.set()
    assert await files(pool).write_down({}, bytes(640)) == 640
    assert pool.jobs == 3
    pool.failures = ["engine_crashed"]
    with pytest.raises(BridgeError) as failed:
        await files(pool).write_down({}, bytes(640))
    assert (failed.value.code, pool.jobs, pool.open) == ("engine_crashed", 4, 0)


async def test_a_file_fails_when_its_time_is_over_in_line_or_at_work_and_leaves_its_place() -> None:
    pool = FakePool()
    line = files(pool, file_s=0.02)
    results = await asyncio.gather(*(line.write_down({}, b"") for _ in range(2)), line.facts(), return_exceptions=True)
    assert [getattr(each, "code", None) for each in results] == ["timeout"] * 3
    pool.gate.set()
    assert await line.write_down({}, b"") == 0
    assert await line.facts() == pool.facts


async def test_the_line_is_bounded() -> None:
    pool = FakePool()
    line = files(pool)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(64):
            tasks.create_task(line.write_down({}, b""))
        await asyncio.sleep(0)
        with pytest.raises(BridgeError) as refused:
            await line.write_down({}, b"")
        pool.gate.set()
    assert refused.value.code == "overloaded"
