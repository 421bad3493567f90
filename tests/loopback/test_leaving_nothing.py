"""Offers that are never followed by media, and many calls one after the other: nothing stays."""

import asyncio
import gc
from pathlib import Path

from benchmarks.client import Caller
from mediaserver.rtc.port import MediaSettings
from tests.rtc.clients import LOCAL, Text, media_port, until
from tests.servers.lean_call import HOST, identity, lean_call

ABANDONED, CYCLES = 40, 15


def held() -> tuple[int, int]:
    """Return tasks and descriptors of this process."""
    descriptors = Path("/proc/self/fd")
    return len(asyncio.all_tasks()), len(list(descriptors.iterdir())) if descriptors.exists() else 0


async def test_abandoned_offers_are_freed_at_their_deadline():
    settings = MediaSettings(addresses=LOCAL.addresses, setup_timeout_s=0.5)
    async with media_port(settings) as port:
        before = held()
        for _ in range(ABANDONED):
            caller = Caller(identity(), HOST)
            port.accept(caller.offer(), Text())
            caller.close()
        assert port.stats()["pending"] == ABANDONED
        await until(lambda: port.stats()["peers"] == 0, 5.0)
        await until(lambda: held() == before, 5.0)
        assert port.stats()["setup_timeouts"] == ABANDONED


async def test_calls_one_after_the_other_leave_nothing():
    async with media_port() as port:
        async with lean_call(port) as call:
            await call.speak(0.1)
        await until(lambda: port.stats()["peers"] == 0)
        before = held()
        for _ in range(CYCLES):
            async with lean_call(port) as call:
                await call.speak(0.06)
        await until(lambda: port.stats()["peers"] == 0)
        gc.collect()
        await until(lambda: held() == before, 5.0)
