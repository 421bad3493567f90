from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mediaserver.errors import BridgeError, MediaError
from signaling.audio.kept import Kept


class Shop:
    """Counts openings and closings; the first ones fail as told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.open = self.opened = 0

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.open, self.opened = self.open + 1, self.opened + 1
        try:
            yield "engine"
        finally:
            self.open -= 1


@asynccontextmanager
async def kept(shop: Shop) -> AsyncIterator[Kept[str]]:
    one = Kept(shop.engine)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.keep())
        yield one
        one.end()


async def test_it_opens_once_when_asked_for_and_is_closed() -> None:
    shop = Shop()
    async with kept(shop) as one:
        await asyncio.sleep(0)
        assert shop.opened == 0
        assert await asyncio.gather(one.get(), one.get()) == ["engine", "engine"]
        assert await one.get() == "engine" and (shop.open, shop.opened) == (1, 1)
    assert shop.open == 0


async def test_nobody_asked() -> None:
    async with kept(Shop()):
        pass


@pytest.mark.parametrize("failure", [BridgeError("no", code="unauthorized"), MediaError("no"), ImportError("no")])
async def test_what_does_not_open_is_tried_again(failure: Exception) -> None:
    shop = Shop(failure)
    async with kept(shop) as one:
        with pytest.raises(BridgeError):
            await one.get()
        assert await one.get() == "engine"
