"""The real routes of the audio API over engines of our own, which say what they were asked and do what they are told."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import openai

from mediaserver.audio.files import Decoded, DecodeLimits
from mediaserver.audio.processing import NONE, Processing
from mediaserver.audioconfig import Audio, Batch
from mediaserver.cache.opening import Cached, open_cached
from mediaserver.cacheconfig import Cache
from mediaserver.config import Config, Key
from mediaserver.speech import (
    PLAIN,
    FileAsk,
    FileFeature,
    FileLimits,
    FileTranscript,
    Manner,
    Sound,
    SoundFile,
    SpokenSegment,
    SpokenWord,
    VoiceFacts,
)
from signaling.audio import writing
from signaling.audio.batch import items
from signaling.audio.batch.shelf import Shelf
from signaling.audio.batch.works import Works
from signaling.audio.links import AudioLinks
from signaling.audio.studio import Studio
from tests.signaling.doors import KEY, Fixture, door

EVERY: frozenset[FileFeature] = frozenset(
    {"translate", "words", "segments", "speakers", "stream", "prompt", "temperature", "language", "keywords"}
)
WORDS = (SpokenWord("Hello", 0.1, 0.5, "x"), SpokenWord("there.", 0.5, 0.9, "x"), SpokenWord("Yes?", 1.0, 1.3, "y"))
SEGMENTS = (SpokenSegment("Hello there.", 0.1, 0.9, "x"), SpokenSegment("Yes?", 1.0, 1.3, "y"))


@dataclass
class Ears:
    """Hears ``text`` in every file."""

    text: str = "Hello there. Yes?"
    file_features: frozenset[FileFeature] = EVERY
    file_limits: FileLimits = field(default_factory=FileLimits)
    fails: Exception | None = None
    wait: asyncio.Event | None = None
    asks: list[FileAsk] = field(default_factory=list)
    heard: list[SoundFile] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    stopped: int = 0

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        self.asks.append(ask)
        self.heard.append(sound)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async for piece in self._said(ask):
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise
        finally:
            self.at_once -= 1

    async def _said(self, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        await asyncio.sleep(0)
        if self.wait is not None:
            await self.wait.wait()
        first, space, rest = self.text.partition(" ")
        if "stream" in self.file_features:
            yield first
        if self.fails is not None:
            raise self.fails
        if "stream" in self.file_features:
            yield space + rest
        words, segments = WORDS if ask.words else (), SEGMENTS if ask.segments else ()
        yield FileTranscript(self.text, language="en", words=words, segments=segments)


@dataclass
class Mouth:
    """Hums for a tenth of a second per word of a text."""

    rate: int = 24000
    voices: tuple[str, ...] = ("ann", "bob")
    fails: Exception | None = None
    wait: asyncio.Event | None = None
    said: list[tuple[str, str, float, Manner]] = field(default_factory=list)
    stopped: int = 0

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        self.said.append((text, voice, speed, manner))
        try:
            for word in text.split():
                if word == "fail" and self.fails is not None:
                    raise self.fails
                if word == "wait" and self.wait is not None:
                    await self.wait.wait()
                if word != "...":
                    yield Sound(hum(0.1, self.rate))
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise


@dataclass
class Cloning(Mouth):
    """Makes voices."""

    made: dict[str, Sequence[SoundFile]] = field(default_factory=dict)

    async def list_voices(self) -> Sequence[VoiceFacts]:
        own = [VoiceFacts(name, name.title(), ("en-US",)) for name in self.voices]
        return [*own, *(VoiceFacts(f"id_{name}", name) for name in self.made)]

    async def clone_voice(self, name: str, samples: Sequence[SoundFile], *, description: str = "") -> VoiceFacts:
        self.made[name] = samples
        return VoiceFacts(f"id_{name}", name, description=description)

    async def delete_voice(self, voice: str) -> None:
        del self.made[voice.removeprefix("id_")]


def hum(seconds: float, rate: int) -> bytes:
    """Return a tone as PCM16."""
    at = np.arange(int(seconds * rate)) / rate
    return (np.sin(2 * np.pi * 220 * at) * 8000).astype("<i2").tobytes()


def wav(pcm: bytes, rate: int = 16000) -> bytes:
    """Return a WAV file."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(pcm)
        return file.getvalue()


HUM = wav(hum(1.5, 16000))
"""A file in which there is something to hear."""


@dataclass
class Stage:
    """What a test plays with."""

    fixture: Fixture
    studio: Studio
    ears: Ears
    mouth: Mouth
    works: Works | None = None

    def sdk(self, key: str = "sk-local") -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(api_key=key, base_url=str(self.fixture.client.make_url("/v1")), max_retries=0)

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        return await self.fixture.client.request(method, path, headers=KEY | request.pop("headers", {}), **request)


@asynccontextmanager
async def stage(
    ears: Ears | None = None,
    mouth: Mouth | None = None,
    *,
    keys: tuple[Key, ...] = (),
    folder: Path | None = None,
    wall: Any = None,
    decoder: bool = False,
    cache: Cache | None = None,
    **audio: Any,
) -> AsyncIterator[Stage]:
    """Serve the audio API over these engines; with a ``folder`` also batches, with a ``cache`` also addresses of files.

    ``decoder``: files are read by the real one, in a process of its own, which takes a while to start.
    """
    ears, mouth = ears or Ears(), mouth or Mouth()
    audio.setdefault("transcription", {"far": {}})
    audio.setdefault("speech", {"far": {}})
    audio["batch"] = Batch(**audio.get("batch", {}))
    config = Config(audio=Audio(**audio), keys=keys)

    @asynccontextmanager
    async def opened(engine: Any) -> AsyncIterator[Any]:
        yield engine

    studio = Studio(config.audio, lambda options, path: opened(ears), lambda options, path: opened(mouth))
    with nullcontext() if decoder else patch.object(writing, "decoded", read_wav):
        async with (
            door(config) as fixture,
            _cached(cache) as cached,
            studio.opened(cached),
            _works(studio, folder, wall) as works,
        ):
            assert fixture.door.house is not None
            links = None if cached is None else AudioLinks(config.audio_links, cached.tiers)
            fixture.door.house = replace(fixture.door.house, studio=studio, works=works, cached=cached, links=links)
            yield Stage(fixture, studio, ears, mouth, works)


@asynccontextmanager
async def read_wav(
    path: Path, *, rate: int = 16000, limits: DecodeLimits, process: Processing = NONE
) -> AsyncIterator[Decoded]:
    """Do what :func:`mediaserver.audio.files.decoded` does, for WAV files at this rate, in this process."""
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    if process.loudness is not None:
        pcm = pcm // 2  # stands for any change
    yield Decoded("wav", len(pcm) / rate, rate, pcm)


@asynccontextmanager
async def _cached(how: Cache | None) -> AsyncIterator[Cached | None]:
    if how is None:
        yield None
        return
    async with open_cached(how) as cached:
        yield cached


@asynccontextmanager
async def _works(studio: Studio, folder: Path | None, wall: Any) -> AsyncIterator[Works | None]:
    if folder is None:
        yield None
        return
    clock = {} if wall is None else {"wall": wall}
    works = Works(studio.config.batch, Shelf(folder, lambda name: True), partial(items.do, studio), **clock)
    async with works.opened():
        yield works
