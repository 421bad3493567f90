"""A client, a relay, and an owner whose behaviour the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from signaling import relay as module
from signaling.relay import Relay, connect

LIMIT_S = 10.0
Owner = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


@dataclass
class Stage:
    relay: Relay
    client: ClientWebSocketResponse
    owner_ended: list[object] = field(default_factory=list)


@asynccontextmanager
async def stage(owner: Owner) -> AsyncIterator[Stage]:
    relay, ended = Relay(), []

    async def behind(request: web.Request) -> web.WebSocketResponse:
        wire = web.WebSocketResponse(autoping=False, protocols=("realtime",))
        await wire.prepare(request)
        try:
            await owner(wire, request)
        finally:
            ended.append(wire.close_code)
        return wire

    async def before(request: web.Request) -> web.StreamResponse:
        async with aiohttp.ClientSession() as session:
            there = await connect(session, back.make_url("/"), CIMultiDict(), ("realtime",))
            return await relay.run(request, there)

    async with (
        asyncio.timeout(LIMIT_S),
        TestServer(_app(behind)) as back,
        TestClient(TestServer(_app(before))) as front,
    ):
        async with front.ws_connect("/", protocols=("realtime",), autoping=False, autoclose=False) as client:
            yield Stage(relay, client, ended)
        while not ended:
            await asyncio.sleep(0.01)
        await relay.drained(LIMIT_S)


def _app(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    app = web.Application()
    app.router.add_get("/", handler)
    return app


async def echoes(wire: web.WebSocketResponse, _: web.Request) -> None:
    """Send back what comes, pings as pings."""
    rows = {
        WSMsgType.TEXT: wire.send_str, WSMsgType.BINARY: wire.send_bytes,
        WSMsgType.PING: wire.ping, WSMsgType.PONG: wire.pong,
    }  # fmt: skip
    while (message := await wire.receive()).type in rows:
        await rows[message.type](message.data)


async def waits(wire: web.WebSocketResponse, _: web.Request) -> None:
    await wire.receive()


async def test_everything_goes_through_both_ways() -> None:
    async with stage(echoes) as at:
        assert at.client.protocol == "realtime"
        await at.client.send_str("é" * 100_000)
        await at.client.send_bytes(b"\0\xff")
        await at.client.ping(b"1")
        await at.client.pong(b"2")
        came = [await at.client.receive() for _ in range(4)]
    assert [(m.type, m.data) for m in came] == [
        (WSMsgType.TEXT, "é" * 100_000), (WSMsgType.BINARY, b"\0\xff"), (WSMsgType.PING, b"1"), (WSMsgType.PONG, b"2"),
    ]  # fmt: skip


async def test_the_clients_goodbye_reaches_the_owner() -> None:
    async with stage(waits) as at:
        await at.client.close(code=4321, message=b"done")
    assert at.owner_ended == [4321]


async def test_the_owners_goodbye_reaches_the_client() -> None:
    async def says_goodbye(wire: web.WebSocketResponse, _: web.Request) -> None:
        await wire.send_str("last")
        await wire.close(code=1013, message=b"rate_limited")

    async with stage(says_goodbye) as at:
        assert (await at.client.receive()).data == "last"
        end = await at.client.receive()
    assert (end.type, end.data, end.extra) == (WSMsgType.CLOSE, 1013, "rate_limited")


async def test_an_owner_that_dies_is_told_as_a_failure_of_ours() -> None:
    async def dies(wire: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()

    async with stage(dies) as at:
        end = await at.client.receive()
    assert (end.type, end.data) == (WSMsgType.CLOSE, 1011)


async def test_a_client_that_vanishes_is_gone_for_the_owner() -> None:
    async with stage(waits) as at:
        at.client._response.connection.transport.abort()  # type: ignore[union-attr]
    assert at.owner_ended == [1001]


async def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_S", 0.2)
    monkeypatch.setattr(module, "CLOSE_S", 0.2)

    async def floods(wire: web.WebSocketResponse, _: web.Request) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            while True:
                await wire.send_bytes(bytes(1 << 20))

    async with stage(floods) as at:
        transport = at.client._response.connection.transport  # type: ignore[union-attr]
        transport.pause_reading()
        while not at.owner_ended:
            await asyncio.sleep(0.01)
        transport.abort()


async def test_the_end_of_the_server_is_said_and_waited_for() -> None:
    async with stage(waits) as at:
        waiting = asyncio.ensure_future(at.relay.drained(LIMIT_S))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await at.relay.drained(0.01)
        at.relay.end()
        end = await at.client.receive()
        await at.client.close()
        await waiting
    assert (end.data, end.extra) == (1001, "server_shutdown")


async def test_with_none_open_there_is_nothing_to_wait_for() -> None:
    async with asyncio.timeout(1):
        await Relay().drained(LIMIT_S)
