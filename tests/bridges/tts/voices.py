"""The engines with their simulators, by name and transport, so that one test speaks with all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from bridges.tts import TTS
from mediaserver.events import WordTime
from mediaserver.speech import TextToSpeech
from tests.servers import toned
from tests.servers.deepgram_speak import DeepgramSpeakServer
from tests.servers.elevenlabs_speech import ElevenLabsSpeechServer
from tests.servers.streamed_speech import VoiceServer

LONG_S = 10.0


@dataclass(frozen=True)
class Way:
    """One way to speak: the engine, its options, and its simulator."""

    engine: str
    told: dict[str, Any]
    server: type[VoiceServer]


FLUX = {"voices": ["flux-alexis-en"]}
WAYS = {
    "elevenlabs-websocket": Way("elevenlabs", {"transport": "websocket"}, ElevenLabsSpeechServer),
    "elevenlabs-http": Way("elevenlabs", {"transport": "http"}, ElevenLabsSpeechServer),
    "aura-websocket": Way("deepgram", {"transport": "websocket"}, DeepgramSpeakServer),
    "aura-http": Way("deepgram", {"transport": "http"}, DeepgramSpeakServer),
    "flux-websocket": Way("deepgram", {"transport": "websocket", **FLUX}, DeepgramSpeakServer),
    "flux-http": Way("deepgram", {"transport": "http", **FLUX}, DeepgramSpeakServer),
}
PLAIN = {"elevenlabs-plain": Way("elevenlabs", {"transport": "http", "words": False}, ElevenLabsSpeechServer)}
"""Without the times of words the sound comes bare."""
SOCKETS = tuple(name for name in WAYS if name.endswith("websocket"))
HTTP = tuple(name for name in WAYS if name not in SOCKETS)
_WAY = WAYS | PLAIN


@asynccontextmanager
async def engine_of(way: str, server: VoiceServer, **told: Any) -> AsyncIterator[Any]:
    """Open the engine of the table on a running simulator."""
    row = TTS[_WAY[way].engine]
    given = {"url": server.http, "key": server.key, "connect_s": 2.0, "rate": 16000, **_WAY[way].told, **told}
    async with row.open(msgspec.convert(given, row.options)) as engine:
        yield engine


@asynccontextmanager
async def speaking(way: str, *, told: dict[str, Any] | None = None, **sim: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Run a simulator (fast) and the engine on it."""
    async with _WAY[way].server(**({"speed": 50.0} | sim)) as server, engine_of(way, server, **(told or {})) as engine:
        yield engine, server


async def said(engine: TextToSpeech, text: str, **how: Any) -> tuple[bytes, list[WordTime]]:
    """Return the sound and the words of a text."""
    pcm, words = b"", []
    async with asyncio.timeout(LONG_S), aclosing(engine.speak(text, **how)) as sounds:  # type: ignore[type-var]
        async for sound in sounds:
            assert not len(sound.pcm) & 1
            pcm, words = pcm + sound.pcm, [*words, *sound.words]
    return pcm, words


async def begun(engine: TextToSpeech, text: str, **how: Any) -> Any:
    """Return the iterator of a text after its first sound."""
    sounds = engine.speak(text, **how)
    async with asyncio.timeout(LONG_S):
        assert (await anext(sounds)).pcm
    return sounds


async def until(true: Any) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.01)


def sound(text: str, rate: int = 16000) -> bytes:
    """Return what the simulators make of a text."""
    return toned.say(text, rate)
