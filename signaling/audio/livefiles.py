"""Files for an engine that hears live speech only: a piece of a file is one utterance."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator
from typing import cast

import numpy as np
import soxr

from mediaserver.speech import FileAsk, FileFeature, FileLimits, FileToText, FileTranscript, SoundFile, SpeechToText

LONGEST_S = 60.0
"""Seconds of one utterance: less than any engine's longest turn."""
AT_ONCE_S = 1.0


class LiveFiles:
    """Satisfies :class:`mediaserver.speech.FileToText`: text alone, no times."""

    def __init__(self, engine: SpeechToText) -> None:
        self._engine = engine

    @property
    def file_limits(self) -> FileLimits:
        """Short pieces, as WAV."""
        return FileLimits(max_seconds=LONGEST_S, kinds=("wav",))

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """Only the language can be told."""
        return frozenset({"language"})

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield the transcript. Raises BridgeError."""
        pcm = await asyncio.to_thread(_pcm, sound.data, self._engine.rate)
        step = int(self._engine.rate * AT_ONCE_S) * 2
        async with self._engine.utterance(lambda _: None, language=ask.language) as utterance:
            for at in range(0, len(pcm), step):
                utterance.feed(pcm[at : at + step])
                await asyncio.sleep(0)
            said = await utterance.finish()
        yield FileTranscript(said.text, language=said.language, duration=sound.duration, usage=said.usage)


def for_files(engine: SpeechToText) -> FileToText:
    """Return the engine as one that takes files: itself where it does."""
    return cast(FileToText, engine) if hasattr(engine, "transcribe") else LiveFiles(engine)


def _pcm(wav: bytes, rate: int) -> bytes:
    """Return PCM16 mono at ``rate`` out of the WAV that we wrote ourselves."""
    with wave.open(io.BytesIO(wav)) as file:
        given, pcm = file.getframerate(), file.readframes(file.getnframes())
    return pcm if given == rate else bytes(soxr.resample(np.frombuffer(pcm, "<i2"), given, rate).tobytes())
