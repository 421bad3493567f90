"""Files against the simulators, and what happens to one when the provider breaks; live speech is in ``test_live.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridges.stt.engine import StreamingEngine
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.speech import FileAsk, FileTranscript
from tests.bridges.stt.talking import file, opened, text, turn, until
from tests.servers.provider import Faults

pytestmark = pytest.mark.parametrize("name", ["nova", "scribe"])


async def transcribed(engine: StreamingEngine, sentence: int, length: int = 3, **ask: object) -> FileTranscript:
    told = [each async for each in engine.transcribe(file(sentence, length), FileAsk(**ask))]  # type: ignore[arg-type]
    assert len(told) == 1
    assert isinstance(told[0], FileTranscript)
    return told[0]


async def failed(engine: StreamingEngine) -> str:
    with pytest.raises(BridgeError) as raised:
        await transcribed(engine, 1)
    return raised.value.code


async def test_a_file(name: str) -> None:
    async with opened(name) as (server, engine):
        assert engine.rate == 16000
        assert "wav" in engine.file_limits.kinds
        assert {"words", "speakers", "keywords"} <= engine.file_features
        plain = await transcribed(engine, 3, 4)
        assert (plain.text, plain.language, plain.words, plain.segments) == (text(3, 4), "en", (), ())
        told = await transcribed(
            engine, 4, 2, words=True, segments=True, speakers=True, keywords=("a", "b"), language="en"
        )
        assert [word.text for word in told.words] == ["s4w0", "s4w1"]
        assert (told.words[0].speaker, told.segments[0].text) == ("speaker_0", text(4, 2))
        assert (told.duration, told.usage and told.usage.seconds) == (pytest.approx(0.72), pytest.approx(0.72))
        with pytest.raises(Unsupported, match="translate"):
            await transcribed(engine, 4, translate=True)
        assert server.truth.total("seconds", "file") == pytest.approx(1.32 + 0.72)


async def test_a_file_at_a_provider_in_trouble(name: str) -> None:
    async with opened(name) as (server, engine):
        server.faults = Faults(close_after_ms=0, only_first=True)
        assert (await transcribed(engine, 2)).text == text(2, 3)
        server.faults = Faults(refuse=503, refuse_times=1)
        assert (await transcribed(engine, 2)).text == text(2, 3)
        for faults, code, attempts in (
            (Faults(refuse=401), "unauthorized", 1),
            (Faults(refuse=429, retry_after="1000000000"), "rate_limited", 1),
            (Faults(refuse=500), "unavailable", 2),  # the third retry; so few files have no more in a minute
            (Faults(close_after_ms=0), "unavailable", 1),
        ):
            server.attempts, server.faults = 0, faults
            assert (await failed(engine), server.attempts) == (code, attempts)


async def test_nonsense_for_an_answer(name: str) -> None:
    async with opened(name) as (server, engine):
        for junk in (b"{", b"[1]", b'{"text": 7, "results": 7}', b"\xff", b'{"a":' * 5000):
            server.broken_file = junk
            assert await failed(engine) == "protocol_error"


async def test_a_slow_answer_is_given_up_and_leaving_tells_the_provider(name: str) -> None:
    async with opened(name, Faults(hang=True), answer_s=0.1, connect_s=0.1) as (server, engine):
        assert await failed(engine) == "timeout"
        await until(server.left.is_set)
    async with opened(name, Faults(hang=True)) as (server, engine):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(_last(engine.transcribe(file(1, 1), FileAsk())))
            await until(lambda: server.attempts)
            waiting.cancel()
        await until(server.left.is_set)


async def test_many_files_are_no_storm_and_nobody_there_is_told(name: str) -> None:
    async with opened(name, Faults(refuse=503)) as (server, engine):
        await asyncio.gather(*(failed(engine) for _ in range(40)))
        assert server.attempts <= 40 * 1.1
    async with opened(name, url="http://127.0.0.1:9") as (server, engine):
        assert await failed(engine) == "unavailable"
        assert not server.truth.rows


async def test_a_warm_engine_has_a_socket_before_it_is_needed(name: str) -> None:
    async with opened(name) as (server, engine):
        await engine.warm()
        await until(lambda: len(server.connections) == 1)
        assert (await turn(engine, 1)).text == text(1, 3)
        assert server.connections[0].texts
        await until(lambda: len(server.connections) == 2)


async def _last(told: AsyncIterator[object]) -> object:
    return [each async for each in told][-1]
