"""A server of two workers as a user starts it: calls on both, reached from anywhere, and one of them killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling.worker import LOOK_S
from tests.rtc.clients import Stock, Tone, until
from tests.servers.voice_server import VoiceServer, voice_server

KEY = {"Authorization": "Bearer sk-local"}
CONFIG: dict[str, Any] = {
    "server": {"workers": 2, "drain_s": 1},
    "media": {"port": 0, "addresses": ["127.0.0.1"]},
    "models": {"echo": {"bridge": "echo"}},
    "default_model": "echo",
}
LIMIT_S = 15.0
LOUD = 1e6


@dataclass
class Way:
    """A client whose every request goes to the worker where its one connection happened to land."""

    client: aiohttp.ClientSession
    worker: int


def owner(call_id: str) -> int:
    """Read a name as no client does."""
    return int(call_id.split("_w")[1].split("_")[0])


@asynccontextmanager
async def ways(server: VoiceServer) -> AsyncIterator[dict[int, Way]]:
    """Connect until both workers have been met; one kept connection to each."""
    async with AsyncExitStack() as stack:
        met: dict[int, Way] = {}
        async with asyncio.timeout(LIMIT_S):
            while len(met) < 2:
                way = await stack.enter_async_context(_way(server))
                met.setdefault(way.worker, way)
                await asyncio.sleep(0.02)
        yield met


@asynccontextmanager
async def _way(server: VoiceServer) -> AsyncIterator[Way]:
    connector = aiohttp.TCPConnector(limit=1)
    async with (
        aiohttp.ClientSession(server.url, connector=connector, headers=KEY) as client,
        client.get("/healthz") as answer,
    ):
        yield Way(client, (await answer.json())["worker"])


@asynccontextmanager
async def call(way: Way, headers: dict[str, str] | None = None) -> AsyncIterator[tuple[str, Stock]]:
    """Open a call with stock aiortc; it is connected."""
    async with Stock(Tone()) as stock:
        sdp = {"Content-Type": "application/sdp", **(headers or {})}
        async with way.client.post("/v1/realtime/calls", headers=sdp, data=await stock.offer()) as answer:
            assert answer.status == 201, await answer.text()
            call_id = answer.headers["Location"].rpartition("/")[2]
            await stock.accept(await answer.text())
        await until(lambda: stock.energies, LIMIT_S)
        yield call_id, stock


async def status(way: Way, method: str, path: str, **how: Any) -> int:
    async with way.client.request(method, path, **how) as answer:
        if answer.status >= 400:
            assert "code" in (await answer.json())["error"]
        return answer.status


def pids(log: Path) -> list[tuple[int, int]]:
    """Return worker and process id of every start, in order."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [(line["worker"], line["pid"]) for line in lines if line["event"] == "a worker is ready"]


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def hears(stock: Stock) -> None:
    """The call's own tone comes back, half a second of it from now on."""
    before = len(stock.energies)
    await until(lambda: sum(energy > LOUD for energy in stock.energies[before:]) >= 25, LIMIT_S)


@pytest.mark.alone
async def test_two_workers_are_one_server() -> None:
    async with voice_server(CONFIG) as server:
        async with ways(server) as to, call(to[0]) as (first, zero), call(to[1]) as (second, one):
            assert (owner(first), owner(second)) == (0, 1)
            await hears(zero)
            await hears(one)
            await any_worker_answers(to, first, second)
            await a_sideband_is_joined_through_the_other(server, second)
            await one_secret_opens_calls_through_both(to)
            assert await status(to[1], "POST", f"/v1/realtime/calls/{first}/hangup") == 200
            assert await status(to[0], "GET", f"/v1/realtime/calls/{first}") == 200  # its record
            async with call(to[0]) as (third, _):
                await one_dies(server, third, one)
            assert await status(to[1], "POST", f"/v1/realtime/calls/{second}/hangup") == 200
        processes = [server.pid, *(pid for _, pid in pids(server.log))]
    assert not [pid for pid in processes if alive(pid)]


async def any_worker_answers(to: dict[int, Way], first: str, second: str) -> None:
    """Whatever is asked about a call may be asked of the other worker."""
    for way in to.values():
        for call_id in (first, second):
            async with way.client.get(f"/v1/realtime/calls/{call_id}") as answer:
                assert (await answer.json())["id"] == call_id
            assert await status(way, "POST", f"/v1/realtime/calls/{call_id}/reject", json={}) == 400
    stranger = {"Authorization": "Bearer nobody"}
    assert await status(to[0], "GET", f"/v1/realtime/calls/{second}", headers=stranger) == 401


async def a_sideband_is_joined_through_the_other(server: VoiceServer, second: str) -> None:
    """A WebSocket about a call of worker 1 goes through worker 0; a refusal comes before the upgrade."""
    async with ways(server) as to:
        async with to[0].client.ws_connect(f"/v1/realtime?call_id={second}") as side:
            assert (await side.receive_json(timeout=LIMIT_S))["type"] == "session.created"
            await side.send_json(
                {"type": "session.update", "session": {"type": "realtime", "instructions": "be brief"}}
            )
            while (await side.receive_json(timeout=LIMIT_S))["type"] != "session.updated":
                pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await to[1].client.ws_connect("/v1/realtime?call_id=rtc_w0_nothing")
        assert refused.value.status == 404


async def one_secret_opens_calls_through_both(to: dict[int, Way]) -> None:
    """A client secret holds wherever it is shown, and what it may is counted in one place."""
    async with to[0].client.post("/v1/realtime/client_secrets", json={"restrict": {"max_uses": 2}}) as answer:
        secret = {"Authorization": f"Bearer {(await answer.json())['value']}"}
    for way in to.values():
        async with call(way, secret) as (call_id, _):
            for other in to.values():
                assert await status(other, "GET", f"/v1/realtime/calls/{call_id}", headers=secret) == 200
            assert await status(way, "POST", f"/v1/realtime/calls/{call_id}/hangup", headers=secret) == 200
    for way in to.values():
        offer = {"data": "v=0", "headers": secret | {"Content-Type": "application/sdp"}}
        assert await status(way, "POST", "/v1/realtime/calls", **offer) == 401


async def one_dies(server: VoiceServer, lost: str, living: Stock) -> None:
    """Worker 0 is killed: its call is gone, the other's goes on, and there is a worker 0 again."""
    await asyncio.sleep(3 * LOOK_S)  # it has told how many calls it has
    os.kill(dict(pids(server.log))[0], signal.SIGKILL)
    await hears(living)
    await until(lambda: len(pids(server.log)) == 3, LIMIT_S)
    async with ways(server) as to:
        for way in to.values():
            assert await status(way, "GET", f"/v1/realtime/calls/{lost}") == 404
        async with call(to[0]) as (_, again):
            await hears(again)
    await hears(living)
    died = [line for line in server.log.read_text().splitlines() if "a worker died" in line]
    assert [(line["worker"], line["calls"]) for line in map(json.loads, died)] == [(0, 1)]


async def test_a_server_that_is_killed_takes_its_workers_with_it() -> None:
    async with voice_server(CONFIG) as server:
        await until(lambda: len(pids(server.log)) == 2, LIMIT_S)
        workers = [pid for _, pid in pids(server.log)]
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: not [pid for pid in workers if alive(pid)], LIMIT_S)
