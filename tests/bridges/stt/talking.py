"""An engine and the simulator it talks to, and turns of toned speech for it."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bridges.stt import STT
from bridges.stt.engine import StreamingEngine
from mediaserver.speech import Partial, SoundFile, Transcript
from tests.servers import toned
from tests.servers.deepgram_listen import DeepgramListen
from tests.servers.elevenlabs_scribe import ElevenLabsScribe
from tests.servers.listening import Files

LONG_S = 20.0
LIVE: dict[str, tuple[type[Files], str, dict[str, Any]]] = {
    "nova": (DeepgramListen, "deepgram", {}),
    "flux": (DeepgramListen, "deepgram", {"model": "flux-general-en"}),
    "scribe": (ElevenLabsScribe, "elevenlabs", {}),
}


@asynccontextmanager
async def opened(name: str, faults: Any = None, **told: Any) -> AsyncIterator[tuple[Any, StreamingEngine]]:
    """Open the engine of this name against its simulator."""
    simulator, row, options = LIVE[name]
    async with simulator(faults=faults) as server, asyncio.timeout(LONG_S):
        chosen = msgspec.convert({"key": server.key, "url": server.http, **options, **told}, STT[row].options)
        async with STT[row].open(chosen) as engine:
            assert isinstance(engine, StreamingEngine)
            yield server, engine


def text(sentence: int, words: int) -> str:
    """Return what the simulators hear in this sentence."""
    return " ".join(f"s{sentence}w{word}" for word in range(words))


async def turn(
    engine: StreamingEngine,
    sentence: int,
    words: int = 3,
    on_partial: Callable[[Partial], None] = lambda _: None,
    **how: Any,
) -> Transcript:
    """Say a sentence, faster than it would take."""
    async with engine.utterance(on_partial, **how) as utterance:
        for frame in frames(sentence, words):
            utterance.feed(frame)
            await asyncio.sleep(0)
        return await utterance.finish()


def frames(sentence: int, words: int) -> list[bytes]:
    """Return a sentence in frames of 20 ms."""
    pcm = toned.speak(sentence, words, 16000)
    return [pcm[start : start + 640] for start in range(0, len(pcm), 640)]


def file(sentence: int, words: int, rate: int = 16000) -> SoundFile:
    """Return a sentence as a WAV file."""
    pcm, told = toned.speak(sentence, words, rate), io.BytesIO()
    with wave.open(told, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return SoundFile(told.getvalue(), "wav", len(pcm) / 2 / rate)


async def until(true: Callable[[], object]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.005)
