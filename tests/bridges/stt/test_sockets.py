"""Which socket a turn gets, which are opened ahead, which are kept, and that all are closed in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.stt.deepgram import kind
from bridges.stt.line import Line
from bridges.stt.sockets import Kind, Sockets, open_sockets
from bridges.stt.streaming_options import Deepgram
from mediaserver.errors import BridgeError
from tests.bridges.stt.talking import LONG_S, until
from tests.bridges.stt.test_line import Speaker
from tests.servers.deepgram_listen import DeepgramListen
from tests.servers.provider import Faults


@asynccontextmanager
async def pool(faults: Faults | None = None, **told: Any) -> AsyncIterator[tuple[DeepgramListen, Sockets, Kind]]:
    async with DeepgramListen(faults=faults) as server, asyncio.timeout(LONG_S):
        chosen = Deepgram(key=server.key, url=server.http, **told)
        async with open_sockets(chosen) as sockets:
            yield server, sockets, kind(chosen, None)


async def used(sockets: Sockets, wanted: Kind, **how: bool) -> Line:
    """Take a socket and wait until it can be used."""
    line, speaker = sockets.take(wanted, **how), Speaker()
    line.use(speaker, "")
    await until(lambda: speaker.ready)
    return line


async def test_a_socket_is_used_again_and_the_last_one_first() -> None:
    async with pool(spare=0) as (server, sockets, wanted):
        first, second = await used(sockets, wanted), await used(sockets, wanted)
        assert first is not second
        first.release()
        second.release()
        assert await used(sockets, wanted) is second
        assert await used(sockets, wanted, fresh=True) not in (first, second)
        assert len(server.connections) == 3


async def test_one_is_opened_ahead_when_the_provider_takes_us() -> None:
    async with pool() as (server, sockets, wanted):
        first = await used(sockets, wanted)
        await until(lambda: len(server.connections) == 2)
        assert sockets.opened == 2
        assert await used(sockets, wanted) is not first  # the spare one; another takes its place
        await until(lambda: len(server.connections) == 3)


async def test_a_provider_that_refuses_is_not_asked_ahead() -> None:
    async with pool(Faults(refuse=503)) as (server, sockets, wanted):
        line, speaker = sockets.take(wanted), Speaker()
        line.use(speaker, "")
        await until(lambda: speaker.failure is not None)
        await until(lambda: sockets.open == 0)
        assert (server.attempts, sockets.opened) == (1, 1)


async def test_another_language_needs_another_socket() -> None:
    async with pool(spare=0) as (server, sockets, wanted):
        line = await used(sockets, wanted)
        line.release()
        german = kind(Deepgram(key=server.key, url=server.http), "de")
        assert await used(sockets, german) is not line
        assert server.last.request.query["language"] == "de"


async def test_no_more_are_kept_than_wanted() -> None:
    async with pool(spare=0, idle=2) as (_server, sockets, wanted):
        lines = [await used(sockets, wanted) for _ in range(3)]
        for line in lines:
            line.release()
        await until(lambda: sockets.open == 2)
        assert [line.over for line in lines] == [False, False, True]


async def test_no_more_are_opened_than_allowed() -> None:
    async with pool(connections=2) as (server, sockets, wanted):
        for _ in range(2):
            await used(sockets, wanted)
        with pytest.raises(BridgeError) as raised:
            sockets.take(wanted)
        assert raised.value.code == "overloaded"
        assert len(server.connections) == 2


async def test_warm_sockets_are_opened_once() -> None:
    async with pool(spare=2) as (server, sockets, wanted):
        for _ in range(3):
            sockets.warm(wanted)
        await until(lambda: len(server.connections) == 2)
        assert sockets.open == 2
    assert [each.ws.closed for each in server.connections] == [True, True]


async def test_none_is_opened_when_the_pool_is_closed() -> None:
    async with pool() as (_, sockets, wanted):
        line, speaker = sockets.take(wanted), Speaker()
        line.use(speaker, "")
        sockets.close()
        sockets.warm(wanted)
        with pytest.raises(BridgeError):
            sockets.take(wanted)
        await until(lambda: sockets.open == 0)
        assert sockets.opened == 1


async def test_one_that_hangs_while_it_connects_can_be_dropped() -> None:
    async with pool(Faults(hang=True)) as (server, sockets, wanted):
        line = sockets.take(wanted)
        await until(lambda: server.attempts)
        sockets.drop(line)
        await until(lambda: sockets.open == 0)
        await until(server.left.is_set)


async def test_what_the_user_raises_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_sockets(Deepgram()):
            raise ZeroDivisionError
