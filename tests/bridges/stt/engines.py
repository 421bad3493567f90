"""The engines behind REST, each with its simulator, opened as the configuration opens them; and a turn of a call."""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from bridges.stt import STT
from bridges.stt.by_utterance import RATE
from mediaserver.audio.wav import whole_wav
from mediaserver.speech import FileAsk, FileTranscript, Partial, SoundFile, Transcript
from tests.servers.google_speech import google_speech
from tests.servers.openai_speech_to_text import speech_to_text

FRAME = 640


@dataclass(frozen=True, slots=True)
class Engine:
    """A simulator and the options with which the engine finds it."""

    serve: Callable[[], AbstractAsyncContextManager[Any]]
    options: dict[str, Any]
    path: str = ""
    vendor: str = ""


OPENAI = Engine(speech_to_text, {"engine": "openai", "key": "sk-1"}, "/v1")
ENGINES = {
    "openai": OPENAI,
    "whisper": Engine(speech_to_text, {"engine": "openai", "key": "sk-1", "model": "whisper-1"}, "/v1"),
    "azure": Engine(speech_to_text, {"engine": "azure", "key": "k", "model": "stt", "like": "gpt-4o-transcribe"}),
    "groq": Engine(speech_to_text, {"engine": "groq", "key": "gsk-1"}, "/openai/v1", "groq"),
    "compatible": Engine(speech_to_text, {"engine": "openai_compatible", "model": "whisper-small"}, "/v1"),
    "google": Engine(google_speech, {"engine": "google", "key": "k", "project": "p"}),
}


def open_stt(told: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
    """Open an engine by its row."""
    settings = dict(told)
    row = STT[settings.pop("engine")]
    return row.open(msgspec.convert(settings, row.options))


@asynccontextmanager
async def opened(name: str, **options: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Give a simulator and the engine that talks with it."""
    engine = ENGINES[name]
    async with engine.serve() as server:
        if engine.vendor:
            server.vendor = engine.vendor
        told = {**engine.options, "url": server.url + engine.path, **options}
        async with open_stt(told) as stt:
            yield server, stt


@cache
def tone(seconds: float = 0.5) -> bytes:
    """Return sound that is no silence, PCM16 mono at 16 kHz."""
    count = int(RATE * seconds)
    return struct.pack(f"<{count}h", *(int(8000 * math.sin(at / 5)) for at in range(count)))


def file(seconds: float = 0.5) -> SoundFile:
    """Return it as a file."""
    return SoundFile(whole_wav(tone(seconds), RATE), "wav", seconds)


async def say(stt: Any, pcm: bytes, partials: list[Partial] | None = None, **wanted: Any) -> Transcript:
    """Speak a turn, frame by frame, and return what is written down."""
    heard = [] if partials is None else partials
    async with stt.utterance(heard.append, **wanted) as utterance:
        for start in range(0, len(pcm), FRAME):
            utterance.feed(pcm[start : start + FRAME])
        transcript: Transcript = await utterance.finish()
        return transcript


async def write_down(stt: Any, sound: SoundFile, **ask: Any) -> tuple[list[str], FileTranscript]:
    """Return the text of a file as it came, and the whole."""
    *pieces, transcript = [piece async for piece in stt.transcribe(sound, FileAsk(**ask))]
    return pieces, transcript
