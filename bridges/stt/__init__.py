"""Engines that write down speech, by name: live for the chain, and files for the audio API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges.options import LocalRecogniser
from bridges.row import Row
from bridges.stt.local_options import FasterWhisper, Vosk
from bridges.stt.options import Azure, Compatible, Google, Groq, OpenAI, OpenAIShape
from bridges.stt.streaming_options import Deepgram, Scribe
from mediaserver.speech import Transcriber


@asynccontextmanager
async def _local(chosen: LocalRecogniser) -> AsyncIterator[Transcriber]:
    from bridges.local.recogniser import open_recogniser

    async with open_recogniser(chosen) as engine:
        yield engine


@asynccontextmanager
async def _vosk(chosen: Vosk) -> AsyncIterator[Transcriber]:
    from bridges.local.recogniser import open_vosk

    async with open_vosk(chosen) as engine:
        yield engine


@asynccontextmanager
async def _faster_whisper(chosen: FasterWhisper) -> AsyncIterator[Transcriber]:
    from bridges.local.faster_whisper import open_faster_whisper

    async with open_faster_whisper(chosen) as engine:
        yield engine


@asynccontextmanager
async def _openai_shape(chosen: OpenAIShape) -> AsyncIterator[Transcriber]:
    from bridges.stt.openai_compatible import open_transcriber

    async with open_transcriber(chosen) as engine:
        yield engine


@asynccontextmanager
async def _google(chosen: Google) -> AsyncIterator[Transcriber]:
    from bridges.stt.google import open_google

    async with open_google(chosen) as engine:
        yield engine


@asynccontextmanager
async def _deepgram(chosen: Deepgram) -> AsyncIterator[Transcriber]:
    from bridges.stt.deepgram import open_deepgram

    async with open_deepgram(chosen) as engine:
        yield engine


@asynccontextmanager
async def _elevenlabs(chosen: Scribe) -> AsyncIterator[Transcriber]:
    from bridges.stt.elevenlabs import open_scribe

    async with open_scribe(chosen) as engine:
        yield engine


STT: dict[str, Row[Transcriber]] = {
    "local": Row(LocalRecogniser, _local),
    "vosk": Row(Vosk, _vosk),
    "faster_whisper": Row(FasterWhisper, _faster_whisper),
    "openai": Row(OpenAI, _openai_shape),
    "azure": Row(Azure, _openai_shape),
    "groq": Row(Groq, _openai_shape),
    "openai_compatible": Row(Compatible, _openai_shape),
    "google": Row(Google, _google),
    "deepgram": Row(Deepgram, _deepgram),
    "elevenlabs": Row(Scribe, _elevenlabs),
}
