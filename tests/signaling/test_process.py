import asyncio
import signal
from typing import Any

from mediaserver.config import Config, Server
from signaling.process import drain
from signaling.signals import put
from tests.signaling.doors import door

LIMIT_S = 5.0


class Sessions:
    """Never empty."""

    def __init__(self) -> None:
        self.cancelled = False

    def check(self) -> None:
        pass

    async def drain(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def drained(seconds: float, *numbers: int) -> Any:
    async with door(Config(server=Server(drain_s=seconds))) as at:
        sessions = Sessions()
        at.sessions.drain = sessions.drain  # type: ignore[attr-defined]
        signals: asyncio.Queue[int] = asyncio.Queue(maxsize=8)
        for number in numbers:
            put(signals, number)
        async with asyncio.timeout(LIMIT_S):
            await drain(at.door, signals)
        assert not at.door.accepting
        assert (await at.client.get("/readyz")).status == 503
        return sessions


async def test_calls_have_their_time_and_no_new_ones_begin() -> None:
    assert not (await drained(0.05)).cancelled


async def test_a_second_signal_waits_no_longer() -> None:
    assert (await drained(60, signal.SIGTERM)).cancelled


async def test_a_house_that_is_not_open_has_nothing_to_drain() -> None:
    async with door(ready=False) as at:
        await drain(at.door, asyncio.Queue(maxsize=1))
