"""Recognisers that write down speech while it is spoken, in worker processes, offline: pocketsphinx and Vosk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bridges.local.files import Files
from bridges.local.models import VOSK_MODEL, installed
from bridges.local.pool import Job, Pool, open_pool
from bridges.local.wavfile import pcm16
from bridges.options import LocalRecogniser
from bridges.stt.asked import check
from bridges.stt.languages import code
from bridges.stt.local_options import Vosk
from mediaserver.errors import Unsupported
from mediaserver.items import Usage
from mediaserver.speech import (
    FileAsk,
    FileFeature,
    FileLimits,
    FileTranscript,
    Partial,
    SoundFile,
    SpokenWord,
    Transcript,
)

RATE = 16000
_BYTES_PER_SECOND = RATE * 2


@dataclass(frozen=True, slots=True)
class Kind:
    """What a recogniser is: its name for messages, the language it knows, and the longest file in seconds."""

    who: str
    language: str
    file_max_s: float


SPHINX = Kind("the embedded recogniser", "en", 30.0)


class _Utterance:
    """One turn: what is fed streams to the worker, or waits for one, up to the longest turn."""

    def __init__(self, job: Job, max_turn_s: float, language: str) -> None:
        self._job = job
        self._language = language
        self._room = int(max_turn_s * _BYTES_PER_SECOND)
        self._fed = 0

    def feed(self, pcm: bytes) -> None:
        pcm = pcm[: self._room - self._fed]
        if pcm:
            self._fed += len(pcm)
            self._job.feed(pcm)

    async def finish(self) -> Transcript:
        self._job.end()
        result = await self._job.result()
        return Transcript(result["text"], Usage(seconds=self._fed / _BYTES_PER_SECOND), language=self._language)


class Recogniser:
    """Satisfies :class:`mediaserver.speech.Transcriber`. It knows one language: a turn's change nothing."""

    file_features: frozenset[FileFeature] = frozenset({"language", "words"})

    def __init__(self, pool: Pool, files: Files, kind: Kind, max_turn_s: float) -> None:
        self._pool, self._files, self._kind = pool, files, kind
        self._max_turn_s = max_turn_s
        self.file_limits = FileLimits(max_seconds=kind.file_max_s, kinds=("wav",))

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    async def warm(self) -> None:
        """Return when a worker is ready. Raises BridgeError when the engine cannot be had."""
        await self._pool.warm()

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[_Utterance]:
        """Open one turn. Raises BridgeError: engine missing, overloaded."""

        def take(body: Any) -> None:
            if body is not None:
                on_partial(Partial(body["text"], body["stable"]))

        async with self._pool.job({}, take) as job:
            yield _Utterance(job, self._max_turn_s, self._kind.language)

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield the whole transcript. Raises BridgeError."""
        check(ask, self.file_features, self._kind.who)
        self._check_language(ask.language)
        pcm = await asyncio.to_thread(pcm16, sound.data, RATE)  # beside the loop: it takes milliseconds
        result = await self._files.write_down({"words": ask.words}, pcm)
        words = tuple(SpokenWord(text, start, end, None, *sure) for text, start, end, *sure in result["words"])
        seconds = len(pcm) / _BYTES_PER_SECOND
        yield FileTranscript(result["text"], self._kind.language, seconds, words, usage=Usage(seconds=seconds))

    def _check_language(self, wanted: str | None) -> None:
        if wanted and code(wanted) != self._kind.language:
            raise Unsupported(
                f"{self._kind.who} knows one language, '{self._kind.language}': "
                "for others configure another engine or model of speech-to-text"
            )


@asynccontextmanager
async def open_recogniser(chosen: LocalRecogniser) -> AsyncIterator[Recogniser]:
    """Start pocketsphinx's workers; they load while the server goes on."""
    async with open_pool("recogniser", {}, workers=chosen.workers, max_wait_s=chosen.max_wait_s) as pool:
        yield Recogniser(pool, Files(pool, chosen.workers, chosen.file_s), SPHINX, chosen.max_turn_s)


@asynccontextmanager
async def open_vosk(chosen: Vosk) -> AsyncIterator[Recogniser]:
    """Start Vosk's workers; they load while the server goes on. Raises ConfigError: not installed, or no such model."""
    installed("vosk", "vosk")
    VOSK_MODEL.check(chosen.model)
    kind = Kind("Vosk", code(chosen.language) or chosen.language, 60.0)
    async with open_pool(
        "vosk", {"model": chosen.model}, workers=chosen.workers, max_wait_s=chosen.max_wait_s, load_s=chosen.load_s
    ) as pool:
        files = Files(pool, chosen.workers, chosen.file_s, piece_ms=200)
        yield Recogniser(pool, files, kind, chosen.max_turn_s)
