import asyncio
import time

from signaling.evaluate.virtual import now, run


def test_sleeping_costs_nothing_and_clocks_are_exact():
    async def scenario():
        start = now()
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(60))
        return now() - start

    began = time.monotonic()
    assert run(scenario()) == 3600
    assert time.monotonic() - began < 5
