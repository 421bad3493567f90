from __future__ import annotations

import asyncio

import pytest

from signaling.audio.scratch import scratch


async def test_what_a_request_brings_is_gone_after_it() -> None:
    async with scratch() as folder:
        (folder / "000000").write_bytes(b"sound")
    assert not folder.exists()


async def test_also_when_the_client_is_gone_first() -> None:
    there = asyncio.Event()
    found = []

    async def request() -> None:
        async with scratch() as folder:
            (folder / "000000").write_bytes(b"sound")
            found.append(folder)
            there.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await there.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # while it cleans up
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while found[0].exists():
            await asyncio.sleep(0.01)
