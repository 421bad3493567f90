import asyncio
import os
import signal
from typing import Any

import pytest

from bridges.local.pool import DISPLACED, Pool, open_pool
from mediaserver.errors import BridgeError

TOLD = {"text": "hi", "voice": "", "speed": 1.0}
VOICE = {"engine_order": ("pico", "flite", "espeak")}


async def spoken(pool: Pool, text: str) -> int:
    """Return how many bytes of sound a job makes."""
    size = 0

    def take(pcm: bytes | None) -> None:
        nonlocal size
        size += len(pcm or b"")

    async with pool.job({"text": text, "voice": "", "speed": 1.0}, take) as job:
        job.end()
        await asyncio.wait_for(job.result(), 20)
    return size


def voices(workers: int = 1, max_wait_s: float = 20.0) -> Any:
    return open_pool("voice", VOICE, workers=workers, max_wait_s=max_wait_s)


@pytest.mark.engines
async def test_jobs_queue_for_one_worker_and_all_are_done() -> None:
    async with voices() as pool:
        sizes = await asyncio.gather(*(spoken(pool, f"number {at}") for at in range(6)))
    assert all(size > 3200 for size in sizes)


@pytest.mark.engines
async def test_a_crash_fails_its_job_and_the_worker_is_replaced() -> None:
    async with voices() as pool:
        await pool.warm()
        (pid,) = pool.pids
        async with pool.job({"text": "hello", "voice": "", "speed": 1.0}, lambda _: None) as job:
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(BridgeError) as failed:
                await asyncio.wait_for(job.result(), 10)
        assert (failed.value.code, failed.value.retryable) == ("engine_crashed", True)
        assert await spoken(pool, "hello") > 3200
        assert pool.pids != [pid]


@pytest.mark.engines
async def test_a_job_that_gets_no_worker_is_refused_after_a_bounded_wait() -> None:
    async with voices(max_wait_s=0.05) as pool:
        await pool.warm()
        async with pool.job({"text": "", "voice": "", "speed": 1.0}, lambda _: None):
            with pytest.raises(BridgeError) as failed:
                await spoken(pool, "hello")
    assert failed.value.code == "overloaded"


@pytest.mark.engines
async def test_the_line_before_the_workers_is_bounded() -> None:
    async with voices() as pool, asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(spoken(pool, "hi")) for _ in range(16)]
        await asyncio.sleep(0)
        with pytest.raises(BridgeError):
            await spoken(pool, "one too many")
        del jobs


@pytest.mark.engines
async def test_a_dropped_job_frees_its_worker() -> None:
    async with voices() as pool:
        await pool.warm()
        async with pool.job({"text": "a long story " * 40, "voice": "", "speed": 1.0}, lambda _: None) as job:
            job.end()
        assert await spoken(pool, "hello") > 3200


@pytest.mark.engines
async def test_a_patient_job_comes_last_and_makes_room() -> None:
    async with voices() as pool:
        await pool.warm()
        done: list[str] = []

        async def speak(name: str, patient: bool) -> None:
            async with pool.job(TOLD, lambda _: None, patient=patient) as job:
                job.end()
                await asyncio.wait_for(job.result(), 20)
                done.append(name)

        async with pool.job(TOLD, lambda _: None) as first, asyncio.TaskGroup() as tasks:
            tasks.create_task(speak("file", True))
            await asyncio.sleep(0)
            tasks.create_task(speak("turn", False))
            await asyncio.sleep(0)
            first.end()
        assert done == ["turn", "file"]
        async with pool.job(TOLD, lambda _: None, patient=True) as file:
            before = pool.pids
            assert await spoken(pool, "hello") > 3200
            with pytest.raises(BridgeError) as failed:
                await file.result()
        assert failed.value.code == DISPLACED
        assert await spoken(pool, "hello") > 3200
        assert pool.pids == before


@pytest.mark.engines
async def test_a_job_that_the_engine_refuses_leaves_the_worker_alive() -> None:
    async with voices() as pool:
        await pool.warm()
        before = pool.pids
        async with pool.job({"text": 5, "voice": "", "speed": "fast"}, lambda _: None) as job:
            job.end()
            with pytest.raises(BridgeError) as failed:
                await asyncio.wait_for(job.result(), 10)
        assert failed.value.code == "engine_failed"
        assert await spoken(pool, "hello") > 3200
        assert pool.pids == before


async def test_a_missing_engine_says_what_to_install() -> None:
    async with open_pool("voice", {"engine_order": ("nonesuch",)}, workers=1, max_wait_s=1.0) as pool:
        with pytest.raises(BridgeError, match="pip install") as failed:
            await asyncio.wait_for(pool.warm(), 20)
        assert not failed.value.retryable
        with pytest.raises(BridgeError):
            await spoken(pool, "hello")


async def test_leaving_raises_the_users_own_exception() -> None:
    with pytest.raises(KeyError):
        async with open_pool("voice", {"engine_order": ("nonesuch",)}, workers=1, max_wait_s=1.0):
            raise KeyError("mine")


@pytest.mark.engines
async def test_leaving_ends_a_worker_that_does_not_listen() -> None:
    async with voices() as pool:
        await pool.warm()
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
