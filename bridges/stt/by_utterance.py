"""Live speech for an engine that takes files only: a turn of a call is kept, and goes as a file when it is complete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Protocol, cast

from bridges.stt.bill import summed
from mediaserver.audio.pcm import peak
from mediaserver.audio.wav import MONO_HEADER, whole_wav
from mediaserver.errors import BridgeError
from mediaserver.items import Usage
from mediaserver.speech import (
    FileAsk,
    FileFeature,
    FileLimits,
    FileToText,
    FileTranscript,
    Partial,
    SoundFile,
    Transcript,
)
from mediaserver.tasks import own_tasks

RATE = 16000
_PER_SECOND = RATE * 2
LEAST_S = 0.1
"""What is shorter holds no word, and is refused by providers."""
SILENT = 32
"""A turn whose loudest sample is no louder (-60 dBFS) is silence."""


class Files(FileToText, Protocol):
    """An engine that takes files, to which a connection can be opened ahead of need."""

    async def warm(self) -> None:
        """Connect. Never raises: a failure is left to the first request."""
        ...


class Turns(Protocol):
    """What is told about turns."""

    @property
    def max_turn_s(self) -> float:
        """Seconds kept of one."""
        ...

    @property
    def partials_every_s(self) -> float | None:
        """Seconds between two early writings."""
        ...

    @property
    def on_pause(self) -> bool:
        """Write down in each pause that may be the end."""
        ...


class ByUtterance:
    """Satisfies :class:`mediaserver.speech.Transcriber`: files as the engine takes them, and live speech turn by turn."""

    def __init__(self, files: Files, chosen: Turns) -> None:
        self._files, self._chosen = files, chosen
        self._room = room(files.file_limits, chosen.max_turn_s)

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    @property
    def file_limits(self) -> FileLimits:
        """What one request may hold."""
        return self._files.file_limits

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """What may be asked for."""
        return self._files.file_features

    def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncIterator[str | FileTranscript]:
        """Write down a file. Raises BridgeError."""
        return self._files.transcribe(sound, ask)

    async def warm(self) -> None:
        """Connect ahead of the first turn."""
        await self._files.warm()

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[Turn]:
        """Open one turn: the connection is made while the caller speaks."""
        can = self._files.file_features
        ask = FileAsk(language if "language" in can else None, prompt if "prompt" in can else "")
        turn = Turn(self._files, ask, on_partial, self._room)
        turn.on_pause = self._chosen.on_pause
        async with own_tasks() as tasks:
            warming = tasks.create_task(self._files.warm())
            turn.tasks = tasks
            if self._chosen.partials_every_s is not None:
                turn.early = tasks.create_task(turn.write_early(self._chosen.partials_every_s))
            try:
                yield turn
            finally:
                warming.cancel()
                turn.stop()


class Turn:
    """One turn of speech; satisfies :class:`mediaserver.speech.Utterance` and its ``Pausing``.

    What early writing costs is counted too.
    """

    def __init__(self, files: FileToText, ask: FileAsk, on_partial: Callable[[Partial], None], room: int) -> None:
        self._files, self._ask, self._on_partial, self._room = files, ask, on_partial, room
        self._pcm = bytearray()
        self._peak = 0
        self._shown = ""
        self._spent: list[Usage] = []
        self._asked_s = 0.0
        self.early: asyncio.Task[None] | None = None
        self.on_pause = False
        self.tasks: asyncio.TaskGroup | None = None
        self._ahead: asyncio.Task[FileTranscript | BridgeError] | None = None

    def paused(self) -> None:
        """Write down what was said: it may be all."""
        if self.on_pause and self.tasks is not None and self._ahead is None and not self._is_empty():
            self._asked_s = len(self._pcm) / _PER_SECOND
            self._ahead = self.tasks.create_task(self._tried())

    def resumed(self) -> None:
        """It was not."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            self._give_up(ahead)

    def stop(self) -> None:
        """Nobody wants it any more."""
        for task in (self.early, self._ahead):
            if task is not None:
                task.cancel()

    def feed(self, pcm: bytes) -> None:
        """Take PCM16 mono at 16 kHz; what is beyond the longest turn is not kept."""
        pcm = pcm[: self._room - len(self._pcm)]
        self._pcm += pcm
        if self._peak <= SILENT:
            self._peak = max(self._peak, peak(pcm))

    async def finish(self) -> Transcript:
        """Send the turn and return its text; silence is not sent. Raises BridgeError."""
        if self.early is not None:
            self.early.cancel()
        if self._ahead is not None and not isinstance(ahead := await self._ahead, BridgeError):
            return Transcript(ahead.text, summed(self._spent), ahead.language)
        if self._asked_s:  # it is being written down at this moment, and will be billed
            self._spent.append(Usage(seconds=self._asked_s))
        if self._is_empty():
            return Transcript("")
        transcript = await self._written(self._show)
        return Transcript(transcript.text, summed(self._spent), transcript.language)

    async def _tried(self) -> FileTranscript | BridgeError:
        try:
            return await self._written(self._show)
        except BridgeError as failure:
            return failure

    def _give_up(self, ahead: asyncio.Task[FileTranscript | BridgeError]) -> None:
        """What was asked for is billed, whether it is wanted or not."""
        ahead.cancel()
        if self._asked_s:
            self._spent.append(Usage(seconds=self._asked_s))
            self._asked_s = 0.0

    async def write_early(self, every_s: float) -> None:
        """Write down what was said so far, again and again; the first failure ends it, and only it."""
        written = 0
        while True:
            await asyncio.sleep(every_s)
            if len(self._pcm) == written or self._is_empty():
                continue
            written = len(self._pcm)
            self._asked_s = written / _PER_SECOND
            try:
                transcript = await self._written(lambda text: None)
            except BridgeError:
                return
            finally:
                self._asked_s = 0.0
            stable = _alike(self._shown, transcript.text)
            self._shown = transcript.text
            self._on_partial(Partial(transcript.text, stable))

    async def _written(self, show: Callable[[str], None]) -> FileTranscript:
        text = ""
        sound = SoundFile(whole_wav(self._pcm, RATE), "wav", len(self._pcm) / _PER_SECOND)
        async with aclosing(
            cast(AsyncGenerator[str | FileTranscript, None], self._files.transcribe(sound, self._ask))
        ) as pieces:
            async for piece in pieces:
                if isinstance(piece, FileTranscript):
                    self._asked_s = 0.0
                    if piece.usage is not None:
                        self._spent.append(piece.usage)
                    return piece
                text += piece
                show(text)
        raise BridgeError("the transcription came without an end", code="protocol_error")

    def _show(self, text: str) -> None:
        if len(text) > len(self._shown):  # until then what was written early says more
            self._on_partial(Partial(text, len(text)))

    def _is_empty(self) -> bool:
        return len(self._pcm) < LEAST_S * _PER_SECOND or self._peak <= SILENT


def room(limits: FileLimits, max_turn_s: float) -> int:
    """Return the bytes of the longest turn, whole samples of them."""
    seconds = min(max_turn_s, limits.max_seconds or max_turn_s)
    return min(int(seconds * RATE) * 2, (limits.max_bytes - MONO_HEADER) // 2 * 2)


def _alike(before: str, now: str) -> int:
    pairs = enumerate(zip(before, now, strict=False))
    return next((at for at, (old, new) in pairs if old != new), min(len(before), len(now)))
