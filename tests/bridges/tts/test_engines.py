"""What every engine and transport has to do: speak, in pieces and in parts, several at once, and stop."""

from __future__ import annotations

import asyncio

import pytest

from mediaserver.speech import Manner
from tests.bridges.tts.voices import PLAIN, SOCKETS, WAYS, begun, said, sound, speaking, until

TIMED = ("elevenlabs-websocket", "elevenlabs-http")


@pytest.mark.parametrize("way", [*WAYS, *PLAIN])
async def test_a_text_is_spoken_whole_and_what_has_no_words_is_not_sent(way: str) -> None:
    async with speaking(way) as (engine, server):
        for text in ("", "  \n", "...", "—"):
            assert await said(engine, text) == (b"", [])
        assert not server.truth.rows and not server.attempts
        await engine.warm()
        for text in ("Good morning.", "How are you today?"):
            pcm, words = await said(engine, text, voice="nobody", speed=1.2, manner=Manner(language="en-GB"))
            assert pcm == sound(text)
            assert [word.text for word in words] == (text.split() if way in TIMED else [])
        assert engine.rate == 16000 and engine.voices
        assert server.truth.total("characters") == len("Good morning.") + len("How are you today?")


@pytest.mark.parametrize("way", ["elevenlabs-http", "aura-websocket", "flux-http"])
async def test_a_long_text_is_said_in_parts(way: str) -> None:
    sentences = ["word " * 390 + "end.", "And so on."]
    text = " ".join(sentences * (3 if way.startswith("elevenlabs") else 2))
    async with speaking(way, speed=50_000.0, chunk_ms=20_000) as (engine, server):
        pcm, words = await said(engine, text)
        assert len(server.truth.rows) > 1
        assert all(row["characters"] <= (5000 if way.startswith("elevenlabs") else 2000) for row in server.truth.rows)
        if way in TIMED:
            assert [word.text for word in words] == text.split()
            assert words[-1].end_ms <= len(pcm) / 32 and words == sorted(words, key=lambda word: word.start_ms)


@pytest.mark.parametrize("way", WAYS)
async def test_many_speak_at_once_and_who_leaves_stops_his_own_text(way: str) -> None:
    texts = [f"This is number {number}." for number in range(8)]
    async with speaking(way, speed=8.0) as (engine, server):
        others = [asyncio.create_task(said(engine, text)) for text in texts]
        sounds = await begun(engine, "This one is not wanted any more after its first words, whatever else it says.")
        await sounds.aclose()
        await until(lambda: server.left == 1)
        assert [(await other)[0] for other in others] == [sound(text) for text in texts]
        assert (await said(engine, "Next."))[0] == sound("Next.")
        assert server.left == 1
        if way in SOCKETS:
            assert len(server.connections) <= (2 if way.startswith("elevenlabs") else 10)


@pytest.mark.parametrize("way", SOCKETS)
async def test_one_socket_is_opened_ahead_and_serves_all_when_there_may_be_no_other(way: str) -> None:
    texts = [f"Number {number}." for number in range(6)]
    async with speaking(way, told={"sockets": 1}) as (engine, server):
        await engine.warm()
        await until(lambda: server.connections)
        spoken = await asyncio.gather(*(said(engine, text) for text in texts))
        assert [pcm for pcm, _ in spoken] == [sound(text) for text in texts]
        assert server.attempts == 1
