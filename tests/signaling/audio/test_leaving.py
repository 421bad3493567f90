from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mediaserver.errors import NotFound
from signaling.audio import leaving
from signaling.audio.leaving import Answering, while_here
from signaling.middleware import errors


@asynccontextmanager
async def serving(work: object) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await while_here(request, work())  # type: ignore[operator]

    app = web.Application(middlewares=[errors])
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_work_is_answered() -> None:
    async def work() -> web.StreamResponse:
        return web.Response(text="done")

    async with serving(work) as client:
        assert await (await client.get("/")).text() == "done"


async def test_its_failure_is_as_it_was() -> None:
    async def work() -> web.StreamResponse:
        raise NotFound("no")

    async with serving(work) as client:
        assert (await client.get("/")).status == 404


async def test_it_stops_when_the_client_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK_S", 0.01)
    stopped = asyncio.Event()

    def work() -> Answering:
        async def endless() -> web.StreamResponse:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            raise AssertionError

        return endless()

    async with serving(work) as client:
        with pytest.raises(asyncio.TimeoutError):
            await client.get("/", timeout=aiohttp.ClientTimeout(total=0.1))
        async with asyncio.timeout(5):
            await stopped.wait()
