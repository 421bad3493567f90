from __future__ import annotations

import asyncio

from mediaserver.conversation.alarm import Alarm
from tests.fakes import virtual_time


def test_it_rings_at_the_earliest_time_asked_for() -> None:
    async def scenario() -> list[float]:
        start, rung = virtual_time.now(), list[float]()
        alarm = Alarm(virtual_time.now, lambda: rung.append(round(virtual_time.now() - start, 3)))
        alarm.set(None)
        alarm.set(start + 5)
        alarm.set(start + 2)
        alarm.set(start + 9)
        await asyncio.sleep(10)
        alarm.set(start + 1)  # long past: at once
        await asyncio.sleep(1)
        alarm.set(start + 20)
        alarm.stop()
        await asyncio.sleep(20)
        return rung

    assert virtual_time.run(scenario()) == [2.0, 10.0]
