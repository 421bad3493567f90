import asyncio
import os
import signal

import pytest

from signaling.signals import put, stop_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_they_arrive_and_a_storm_of_them_is_bounded(number: signal.Signals) -> None:
    signals = stop_signals()
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            assert await signals.get() == number
        for _ in range(100):
            put(signals, number)
        assert signals.qsize() < 100
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(each)
