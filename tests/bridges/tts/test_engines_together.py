"""What every voice behind HTTP does: its sound, its silence, and what becomes of it when the provider fails."""

import asyncio

import pytest

from bridges.hybrid.bridge import Warm
from bridges.tts import TTS
from mediaserver.errors import BridgeError
from tests.bridges.tts.engines import ENGINES, Engine, said
from tests.servers.speaking import sound_of

TEXT = "Good morning. How are you?"

KINDS = [engine for engine in ENGINES if engine.row not in ("azure", "openai_compatible")]
"""Those two are presets of the same engine as OpenAI: what fails is not tried with them again."""


def over(engines: list[Engine]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("engine", engines, ids=lambda engine: engine.row)


every, kinds = over(ENGINES), over(KINDS)
streamed = over([engine for engine in KINDS if not engine.whole])


def test_every_row_is_here() -> None:
    assert {engine.row for engine in ENGINES} <= set(TTS)


@every
async def test_the_sound_is_the_providers_sample_for_sample(engine: Engine) -> None:
    async with engine.serve(**engine.served) as server, engine.open(server) as voice:
        assert voice.rate == 24000 and voice.voices == tuple(dict.fromkeys(voice.voices))
        assert [await said(voice, text) for text in ("", " ", "...", "🙂", "—")] == [b""] * 5
        assert server.asked == []
        assert await said(voice, TEXT) == sound_of(TEXT, 24000)


@every
async def test_a_connection_is_opened_ahead_and_used_again(engine: Engine) -> None:
    async with engine.serve(**engine.served) as server, engine.open(server) as voice:
        assert isinstance(voice, Warm)
        await voice.warm()
        for _ in range(3):
            await said(voice, TEXT)
        assert len(server.asked) == 3 and len(set(server.ports)) == 1


@over([engine for engine in KINDS if engine.row != "openai"])
async def test_a_long_text_is_spoken_part_by_part(engine: Engine) -> None:
    async with engine.serve(**engine.served, piece=50_001) as server, engine.open(server) as voice:
        text = " ".join(f"This is sentence number {number} of a long story." for number in range(75))
        heard = await said(voice, text)
        assert len(server.asked) > 1
        assert abs(len(heard) / len(sound_of(text, 24000)) - 1) < 0.02


@kinds
async def test_who_stops_listening_stops_the_provider(engine: Engine) -> None:
    async with engine.serve(**engine.served, hold=True) as server, engine.open(server) as voice, asyncio.timeout(5):
        listening = asyncio.create_task(said(voice, TEXT))
        while not server.sent:
            await asyncio.sleep(0.001)
        listening.cancel()
        await server.left.wait()


@streamed
async def test_sound_comes_while_it_is_made(engine: Engine) -> None:
    async with engine.serve(**engine.served, pace=240_000) as server, engine.open(server) as voice:
        pieces = [len(sound.pcm) async for sound in voice.speak(TEXT)]
        assert len(pieces) >= 10 and max(pieces) <= 4 * server.piece


@kinds
async def test_a_provider_that_fails_on_the_way_fails_the_rest_and_no_more(engine: Engine) -> None:
    """It breaks off in the middle, breaks before the answer, falls silent in it, and does not answer at all."""
    async with (
        engine.serve(**engine.served) as server,
        engine.open(server, between_s=0.1, connect_s=0.1, answer_s=0.2) as voice,
    ):
        for fault, code, tries in (
            ({"cut": 20_000}, "connection_lost", 1),
            ({"cut": 0}, "unavailable", 3),
            ({"hold": True}, "timeout", 1),
            ({"delay_s": 5.0}, "timeout", 1),
        ):
            server.__dict__.update({"cut": None, "hold": False, "delay_s": 0.0, **fault})
            server.asked.clear()
            heard = 0
            with pytest.raises(BridgeError) as failed:
                async for sound in voice.speak(TEXT):
                    heard += len(sound.pcm)
            assert (failed.value.code, len(server.asked)) == (code, tries), fault
            assert (heard > 10_000) == (not engine.whole and (fault.get("cut", 0) > 0 or "hold" in fault))
        server.__dict__.update({"delay_s": 0.0})
        assert await said(voice, TEXT) == sound_of(TEXT, 24000)


GARBAGE = {
    "nothing": b"",
    "half a sample": b"\0",
    "json": b'{"error": {"message": "overloaded"}}',
    "deep json": b'{"a":' * 20_000,
    "a page": b"<!DOCTYPE html><html></html>",
    "mp3": b"ID3\x04\0\0\0\0\0\0" + bytes(4000),
    "ogg": b"OggS" + bytes(4000),
    "a file of nothing": b"RIFF\xff\xff\xff\xffWAVEJUNK\xff\xff\xff\x7f" + bytes(100_000),
}


@kinds
async def test_what_is_no_sound_is_not_played(engine: Engine) -> None:
    async with engine.serve(**engine.served) as server, engine.open(server) as voice:
        for what, body in GARBAGE.items():
            server.body = body
            heard = 0
            with pytest.raises(BridgeError) as failed:
                async for sound in voice.speak(TEXT):
                    heard += len(sound.pcm)
            assert (failed.value.code, heard) == ("protocol_error", 0), what


REFUSALS = [
    (401, "", "unauthorized", 1),
    (429, "1000000000", "rate_limited", 1),
    (503, "0", "unavailable", 3),
]


@kinds
async def test_a_provider_that_refuses_is_asked_again_only_where_that_helps(engine: Engine) -> None:
    async with engine.serve(**engine.served) as server, engine.open(server) as voice:
        server.error = b'{"error": {"code": "why", "message": "because"}}'
        for server.status, server.retry_after, code, tries in REFUSALS:
            server.asked.clear()
            with pytest.raises(BridgeError, match="because") as failed:
                await said(voice, TEXT)
            assert (failed.value.code, len(server.asked)) == (code, tries)
            assert "sk-1" not in failed.value.message
        server.asked.clear()
        for _ in range(20):
            with pytest.raises(BridgeError):
                await said(voice, "Hi")
        assert len(server.asked) <= 20 * 1.1
        server.status = 200
        assert await said(voice, "Hi") == sound_of("Hi", 24000)


@kinds
async def test_a_provider_that_is_not_there_is_not_named(engine: Engine) -> None:
    async with engine.serve(**engine.served) as server:
        pass
    async with engine.open(server) as voice:
        with pytest.raises(BridgeError) as failed:
            await said(voice, TEXT)
        assert failed.value.code == "unavailable" and "127.0.0.1" not in failed.value.message
