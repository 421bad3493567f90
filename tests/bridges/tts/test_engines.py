"""What every engine and transport has to do: speak, in pieces and in parts, several at once, and stop."""

from __future__ import annotations

import asyncio

import pytest

from mediaserver.speech import Manner
from tests.bridges.tts.voices import SOCKETS, WAYS, begun, said, sound, speaking, until

TIMED = ("elevenlabs-websocket", "elevenlabs-http")


@pytest.mark.parametrize("way", [*WAYS, "elevenlabs-plain"])
async def test_a_text_is_spoken_whole(way: str) -> None:
    async with speaking(way) as (engine, server):
        await engine.warm()
        for text in ("Good morning.", "How are you today?"):
            pcm, words = await said(engine, text, speed=1.2, manner=Manner(language="en-GB"))
            assert pcm == sound(text)
            assert [word.text for word in words] == (text.split() if way in TIMED else [])
        assert engine.rate == 16000 and engine.voices
        assert server.truth.total("characters") == len("Good morning.") + len("How are you today?")


@pytest.mark.parametrize("way", WAYS)
async def test_what_has_no_words_is_not_sent(way: str) -> None:
    async with speaking(way) as (engine, server):
        for text in ("", "  \n", "...", "—"):
            assert await said(engine, text) == (b"", [])
        assert not server.truth.rows and not server.attempts


@pytest.mark.parametrize("way", ["elevenlabs-http", "aura-websocket", "flux-http"])
async def test_a_long_text_is_said_in_parts(way: str) -> None:
    sentences = ["word " * 390 + "end.", "And so on."]
    text = " ".join(sentences * (3 if way.startswith("elevenlabs") else 2))
    async with speaking(way, speed=5000.0, chunk_ms=2000) as (engine, server):
        pcm, words = await said(engine, text)
        assert len(server.truth.rows) > 1
        assert all(row["characters"] <= (5000 if way.startswith("elevenlabs") else 2000) for row in server.truth.rows)
        if way in TIMED:
            assert [word.text for word in words] == text.split()
            assert words[-1].end_ms <= len(pcm) / 32 and words == sorted(words, key=lambda word: word.start_ms)


@pytest.mark.parametrize("way", WAYS)
async def test_many_speak_at_once(way: str) -> None:
    texts = [f"This is number {number} of them." for number in range(8)]
    async with speaking(way, delay_s=0.05) as (engine, server):
        spoken = await asyncio.gather(*(said(engine, text) for text in texts))
        assert [pcm for pcm, _ in spoken] == [sound(text) for text in texts]
        if way in SOCKETS:
            assert len(server.connections) <= (2 if way.startswith("elevenlabs") else 9)


@pytest.mark.parametrize("way", WAYS)
async def test_closing_stops_the_provider_and_leaves_the_others_alone(way: str) -> None:
    async with speaking(way, speed=6.0) as (engine, server):
        other = asyncio.create_task(said(engine, "This one goes on."))
        sounds = await begun(engine, "This one is not wanted any more after its first words, whatever else it says.")
        await sounds.aclose()
        await until(lambda: server.left == 1)
        assert (await other)[0] == sound("This one goes on.")
        assert (await said(engine, "Next."))[0] == sound("Next.")
        assert server.left == 1


@pytest.mark.parametrize("way", WAYS)
async def test_an_unknown_voice_is_the_default(way: str) -> None:
    async with speaking(way, told={"voices": ["other"]}) as (engine, _):
        assert (await said(engine, "Hello.", voice="nobody"))[0] == sound("Hello.")


@pytest.mark.parametrize("way", SOCKETS)
async def test_the_next_text_finds_an_open_socket(way: str) -> None:
    async with speaking(way) as (engine, server):
        await engine.warm()
        await until(lambda: server.connections)
        for number in range(4):
            await said(engine, f"Text {number}.")
        assert server.attempts <= 2


@pytest.mark.parametrize("way", SOCKETS)
async def test_sockets_are_bounded(way: str) -> None:
    texts = [f"Number {number}." for number in range(7)]
    async with speaking(way, told={"sockets": 1}) as (engine, server):
        spoken = await asyncio.gather(*(said(engine, text) for text in texts))
        assert [pcm for pcm, _ in spoken] == [sound(text) for text in texts]
        assert server.attempts == 1
