"""Whisper on this machine, turn by turn and for files; nothing leaves it, and nothing is fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from bridges.local.files import Files, feed_whole
from bridges.local.models import WHISPER_MODEL, installed
from bridges.local.pool import Pool, open_pool
from bridges.local.wavfile import pcm16
from bridges.stt.asked import check
from bridges.stt.by_utterance import ByUtterance, Turn
from bridges.stt.languages import code
from bridges.stt.local_options import FasterWhisper as Chosen
from mediaserver.audio.wav import MONO_HEADER
from mediaserver.errors import BridgeError, Unsupported
from mediaserver.items import Usage
from mediaserver.speech import (
    FileAsk,
    FileFeature,
    FileLimits,
    FileTranscript,
    Partial,
    SoundFile,
    SpokenSegment,
    SpokenWord,
)

RATE = 16000
WHO = "this Whisper model"
LIMITS = FileLimits(max_seconds=120.0, kinds=("wav",))
FEATURES: frozenset[FileFeature] = frozenset(
    {"translate", "words", "segments", "prompt", "temperature", "language", "keywords"}
)
_PIECE_MS = 1000
_LET_GO_S = 60.0
"""A large model on a slow machine takes as long for half a minute of sound, in which it cannot be interrupted."""


class FasterWhisper:
    """Satisfies :class:`mediaserver.speech.Transcriber`; a turn is written down when it is complete."""

    rate = RATE
    file_limits = LIMITS
    file_features = FEATURES

    def __init__(self, pool: Pool, files: Files, chosen: Chosen) -> None:
        self._pool, self._files, self._chosen = pool, files, chosen
        self._turns = ByUtterance(_Turns(pool, chosen.language), chosen)

    async def warm(self) -> None:
        """Return when a worker is ready. Raises BridgeError when the model cannot be loaded."""
        await self._pool.warm()

    def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AbstractAsyncContextManager[Turn]:
        """Open one turn; a language that the model does not know is left for it to find out."""
        return self._turns.utterance(on_partial, language=language, prompt=prompt)

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield the whole transcript. Raises BridgeError."""
        check(ask, FEATURES, WHO)
        facts = await self._files.facts()
        _check_languages(ask, facts)
        pcm = await asyncio.to_thread(pcm16, sound.data, RATE)
        yield _transcript(await self._files.write_down(_told(ask, self._chosen.language, facts), pcm), ask, len(pcm))


class _Turns:
    """Complete turns as the files that :class:`ByUtterance` makes of them; they do not wait behind others' files."""

    file_limits = LIMITS
    file_features = FEATURES

    def __init__(self, pool: Pool, language: str) -> None:
        self._pool, self._language = pool, language

    async def warm(self) -> None:
        with suppress(BridgeError):
            await self._pool.warm()

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        await self._pool.warm()
        pcm = sound.data[MONO_HEADER:]
        async with self._pool.job(_told(ask, self._language, self._pool.facts), lambda _: None) as job:
            feed_whole(job, pcm, _PIECE_MS)
            result = await job.result()
        yield _transcript(result, ask, len(pcm))


def _told(ask: FileAsk, language: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "language": _names(facts).get(code(ask.language or language)),
        "prompt": ask.prompt,
        "temperature": ask.temperature,
        "keywords": ask.keywords,
        "translate": ask.translate,
        "words": ask.words,
    }


def _names(facts: Mapping[str, Any]) -> dict[str | None, str]:
    """Whisper's own names of languages (a few are older codes) by ours."""
    return {code(name): name for name in facts["languages"]}


def _check_languages(ask: FileAsk, facts: Mapping[str, Any]) -> None:
    known = _names(facts)
    if ask.translate and len(known) == 1:
        raise Unsupported(f"{WHO} knows one language and cannot translate: configure a multilingual one")
    if ask.language and code(ask.language) not in known:
        raise Unsupported(f"{WHO} does not know the language: configure a multilingual one, or leave the language out")


def _transcript(result: Mapping[str, Any], ask: FileAsk, size: int) -> FileTranscript:
    seconds = size / (RATE * 2)
    return FileTranscript(
        result["text"],
        code(result["language"]),
        seconds,
        tuple(SpokenWord(text, start, end, None, sure) for text, start, end, sure in result["words"]),
        tuple(SpokenSegment(*each) for each in result["segments"]) if ask.segments else (),
        Usage(seconds=seconds),
    )


@asynccontextmanager
async def open_faster_whisper(chosen: Chosen) -> AsyncIterator[FasterWhisper]:
    """Start the workers; they load while the server goes on. Raises ConfigError: not installed, or no such model."""
    installed("faster_whisper", "faster-whisper")
    WHISPER_MODEL.check(chosen.model)
    told = {name: getattr(chosen, name) for name in ("model", "device", "compute_type", "beam", "threads")}
    async with open_pool(
        "faster_whisper",
        told,
        workers=chosen.workers,
        max_wait_s=chosen.max_wait_s,
        load_s=chosen.load_s,
        let_go_s=_LET_GO_S,
    ) as pool:
        yield FasterWhisper(pool, Files(pool, chosen.workers, chosen.file_s, _PIECE_MS), chosen)
