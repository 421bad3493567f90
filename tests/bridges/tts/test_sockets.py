"""The pool on a real socket: opened ahead, shared, bounded, let go, and closed with its engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridges.link import Target
from bridges.tts import line
from bridges.tts.deepgram.turns import AURA, Turns
from bridges.tts.sockets import Dial, Sockets, open_sockets
from bridges.tts.streaming_options import DeepgramSpeech
from bridges.tts.wire import Ask
from mediaserver.errors import BridgeError
from tests.bridges.tts.voices import sound, until
from tests.servers.deepgram_speak import DeepgramSpeakServer


def url(server: DeepgramSpeakServer, voice: str = "aura-2-thalia-en") -> str:
    return f"{server.url}?model={voice}&encoding=linear16&sample_rate=16000"


@asynccontextmanager
async def pool(server: DeepgramSpeakServer, **told: Any) -> AsyncIterator[Sockets]:
    dial = Dial(lambda url: Target(url, {"Authorization": f"Token {server.key}"}), lambda _url: Turns(AURA))
    async with open_sockets(dial, DeepgramSpeech(connect_s=2.0, **told)) as sockets:
        yield sockets


async def say(sockets: Sockets, at: str, text: str = "Hello.") -> bytes:
    return b"".join([each.pcm async for each in sockets.speak(at, Ask(text))])


async def test_a_socket_is_ahead_and_a_text_leaves_a_free_one_behind() -> None:
    async with DeepgramSpeakServer(speed=50) as server, pool(server) as sockets:
        for _ in range(3):
            sockets.warm(url(server))
        await until(lambda: server.connections)
        assert server.attempts == 1
        assert await say(sockets, url(server)) == sound("Hello.")
        await until(lambda: len(server.connections) == 2)
        assert await say(sockets, url(server)) == sound("Hello.")
        assert server.attempts == 2


async def test_another_voice_takes_the_place_of_a_socket_that_nobody_uses() -> None:
    async with DeepgramSpeakServer(speed=50) as server, pool(server, sockets=1) as sockets:
        assert await say(sockets, url(server)) == sound("Hello.")
        assert await say(sockets, url(server, "aura-2-zeus-en")) == sound("Hello.")
        assert [each.model for each in server.connections] == ["aura-2-thalia-en", "aura-2-zeus-en"]


async def test_a_text_that_finds_no_place_in_time_is_refused() -> None:
    dial_s = {"sockets": 1, "connect_s": 0.2}
    async with DeepgramSpeakServer(delay_s=30) as server:
        dial = Dial(lambda url: Target(url, {"Authorization": f"Token {server.key}"}), lambda _url: Turns(AURA))
        async with open_sockets(dial, DeepgramSpeech(**dial_s)) as sockets:  # type: ignore[arg-type]
            first = asyncio.create_task(say(sockets, url(server)))
            await until(lambda: server.truth.rows)
            with pytest.raises(BridgeError) as refused:
                await say(sockets, url(server))
            assert refused.value.code == "rate_limited"
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)


async def test_idle_sockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TICK_S", 0.02)
    async with DeepgramSpeakServer(speed=50) as server, pool(server, idle_s=0.1) as sockets:
        await say(sockets, url(server))
        await until(lambda: not sockets._lines and all(each.ws.closed for each in server.connections))
        assert server.last.messages[-1] == {"type": "Close"}


async def test_after_a_failure_none_is_opened_ahead_for_a_while() -> None:
    async with DeepgramSpeakServer(speed=50) as server, pool(server) as sockets:
        server.faults.refuse = 503
        sockets.warm(url(server))
        await until(lambda: server.refused == 1 and not sockets._lines)
        sockets.warm(url(server))
        await asyncio.sleep(0)
        assert not sockets._lines
        server.faults.refuse = None
        assert await say(sockets, url(server)) == sound("Hello.")


async def test_the_end_of_the_engine_ends_what_is_said() -> None:
    async with DeepgramSpeakServer(delay_s=30) as server:
        async with pool(server) as sockets:
            speaking = asyncio.create_task(say(sockets, url(server)))
            await until(lambda: server.truth.rows)
        with pytest.raises(BridgeError):
            await speaking
        with pytest.raises(BridgeError):
            await say(sockets, url(server))


async def test_what_the_user_raises_leaves_the_pool_as_it_is() -> None:
    async with DeepgramSpeakServer() as server:
        with pytest.raises(KeyError):
            async with pool(server) as sockets:
                sockets.warm(url(server))
                raise KeyError("mine")


async def test_a_text_is_tried_again_on_a_new_socket_for_the_others_may_be_dead_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "QUIET_S", 0.05)
    monkeypatch.setattr(line, "TICK_S", 0.02)
    async with DeepgramSpeakServer(speed=50) as server, pool(server) as sockets:
        await say(sockets, url(server))
        await until(lambda: len(server.connections) == 2)
        for each in server.connections:
            each._silent = True
        assert await say(sockets, url(server)) == sound("Hello.")
        assert sum(bool(each.messages) for each in server.connections) == 2
