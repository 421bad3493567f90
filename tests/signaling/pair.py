"""Two workers of one server in this process: the real applications, their private sockets, and a client of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.cluster.place import Place
from mediaserver.config import Config, Key, Media, Model, Secret
from signaling.app import build
from tests.signaling.houses import House

CONFIG = Config(
    models={"echo": Model(bridge="echo")},
    default_model="echo",
    media=Media(port=0, addresses=("127.0.0.1",)),
    keys=(Key(name="shop", key=Secret("sk-shop")),),
)
SHOP = {"Authorization": "Bearer sk-shop"}


@dataclass
class Worker:
    """One of the two."""

    place: Place
    client: House
    private: web.UnixSite

    async def dies(self) -> None:
        """Be unreachable, as after a crash."""
        await self.private.stop()


@asynccontextmanager
async def pair(config: Config = CONFIG) -> AsyncIterator[tuple[Worker, Worker]]:
    """Run two workers, each on a TCP port of its own: a test chooses whom it asks."""
    with TemporaryDirectory(prefix="pair-") as directory:
        async with AsyncExitStack() as stack:
            zero, one = [
                await stack.enter_async_context(_worker(config, Place(number, 2, directory, 0))) for number in (0, 1)
            ]
            yield zero, one


@asynccontextmanager
async def _worker(config: Config, place: Place) -> AsyncIterator[Worker]:
    async with TestClient(TestServer(build(config, place))) as client:
        runner = client.server.runner
        assert runner is not None
        private = web.UnixSite(runner, place.socket(place.number))
        await private.start()
        yield Worker(place, client, private)
