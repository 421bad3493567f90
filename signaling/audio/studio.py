"""What the audio API works with: its engines, its limits, its voices. Made by ``signaling.app``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from mediaserver.audio.files import DecodeLimits
from mediaserver.audio.presets import PRESETS, Preset
from mediaserver.audio.processing import Processing, prepared
from mediaserver.audioconfig import Audio
from mediaserver.cache.control import USUAL, Control
from mediaserver.cache.key import engine_identity
from mediaserver.cache.opening import Cached
from mediaserver.cache.spoken import SpokenVoice
from mediaserver.gateway.permissions import permit_model
from mediaserver.gateway.principal import Principal
from mediaserver.speech import TextToSpeech
from signaling.audio.asked import Wanted, fitted
from signaling.audio.engines import Engines, OpenFiles, OpenVoice
from signaling.audio.gate import Gate
from signaling.audio.upload import Received
from signaling.audio.voicebook import VoiceBook
from signaling.audio.wish import VoiceId, Wish
from signaling.audio.writing import Job

P = ParamSpec("P")
T = TypeVar("T")

DECODE_S = 60.0

ENCODERS = 2
"""Threads that encode speech: each step is of milliseconds, and what is more than the cores helps nobody."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """A text, and who speaks it in which of the engine's own voices."""

    engine: TextToSpeech
    wish: Wish
    voice: str
    preset: Preset
    memory: SpokenVoice | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of where its sound came from, once its first piece is there."""
        return {} if self.memory is None else self.memory.headers

    @property
    def key(self) -> str | None:
        """The name under which what is spoken is kept; ``None`` where it cannot be."""
        if self.memory is None:
            return None
        return self.memory.key(self.wish.input, self.voice, self.wish.speed, self.wish.manner())


class Studio:
    """One worker's. Raises ConfigError at once for an engine that cannot be."""

    def __init__(self, config: Audio, open_files: OpenFiles, open_voice: OpenVoice) -> None:
        self.config = config
        self.created = int(time.time())
        self.preset = PRESETS[config.preset]
        self._process = Processing(config.denoise, config.loudness)
        prepared(self._process)  # what is not installed is missed at the start
        self._cached: Cached | None = None
        self._encoders: ThreadPoolExecutor | None = None
        self.engines = Engines(config, open_files, open_voice)
        self.voices = VoiceBook(config.voice_aliases)
        self.transcribing = Gate(config.max_transcriptions, "files")
        self.speaking = Gate(config.max_speech, "texts")
        self.batching = Gate(config.max_transcriptions, "batches that are being sent")

    @asynccontextmanager
    async def opened(self, cached: Cached | None = None) -> AsyncIterator[None]:
        """Have engines open when they are asked for, with this memory before them, until the block is left."""
        self._cached = cached
        with ThreadPoolExecutor(ENCODERS, "speech file") as self._encoders:
            async with self.engines.opened():
                yield

    async def encoding(self, work: Callable[P, T], /, *args: P.args, **more: P.kwargs) -> T:
        """Do a part of the encoding of speech in a thread that nothing else keeps busy: somebody waits to hear it."""
        return await asyncio.get_running_loop().run_in_executor(self._encoders, partial(work, *args, **more))

    async def job(self, who: Principal, wanted: Wanted, file: Received, control: Control = USUAL) -> Job:
        """Return the work that a file makes. Raises NotFound, Forbidden, BadRequest, BridgeError.

        ``control``: what the client wishes of the cache.
        """
        model = self.engines.transcription(wanted.model)
        permit_model(who, model)
        engine = await self.engines.files(model)
        fit = fitted(wanted, engine.file_features, model)
        if self._cached is not None:
            identity = engine_identity({**self.config.transcription[model], "processed": asdict(self._process)})
            engine = self._cached.written.of(who.name, engine, identity, control)
        limits = DecodeLimits(max_seconds=self.config.max_duration_s, wall_s=DECODE_S)
        return Job(engine, file.path, file.size, fit, limits, self.config.pieces, self._process, self.preset)

    async def speaker(self, who: Principal, wish: Wish, control: Control = USUAL) -> Speaking:
        """Return who speaks a text, and how. Raises NotFound, Forbidden, BadRequest, BridgeError.

        ``control``: what the client wishes of the cache.
        """
        model = self.engines.speech(wish.model)
        permit_model(who, model)
        engine = await self.engines.voice(model)
        asked, made = wish.voice_name or self.engines.default_voice(model), isinstance(wish.voice, VoiceId)
        voice = await self.voices.choose(model, engine, asked, made=made)
        if self._cached is None:
            return Speaking(engine, wish, voice, self.preset)
        identity = engine_identity(self.engines.speech_options(model))
        memory = self._cached.spoken.of(who.name, engine, identity, control)
        return Speaking(memory, wish, voice, self.preset, memory)
