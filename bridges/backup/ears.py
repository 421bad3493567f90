"""Recognisers in a line: what one has lost the next one hears again from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from bridges.backup.line import Line, Patience, Place, nobody
from bridges.backup.race import Try, race
from bridges.within import within
from mediaserver.audio.resample import Resampler
from mediaserver.errors import BridgeError
from mediaserver.speech import (
    FileAsk,
    FileFeature,
    FileLimits,
    FileTranscript,
    Partial,
    Pausing,
    SoundFile,
    Transcriber,
    Transcript,
    Utterance,
)
from mediaserver.tasks import own_tasks

KEPT_S = 120
"""Seconds of one turn that are kept for another engine."""

_LONG_S = 3600.0
"""An engine has deadlines of its own for files."""

_Open = Callable[[Transcriber], AbstractAsyncContextManager[Utterance]]


class BackupEars:
    """Satisfies :class:`mediaserver.speech.Transcriber`, with the rate, the limits and the abilities of the first engine."""

    def __init__(self, line: Line[Transcriber], patience: Patience) -> None:
        self._line = line
        self._patience = patience

    @property
    def rate(self) -> int:
        """Hz of the first engine; the others are given its sound resampled."""
        return self._line.first.rate

    @property
    def file_limits(self) -> FileLimits:
        """What the first engine takes."""
        return self._line.first.file_limits

    @property
    def file_features(self) -> frozenset[FileFeature]:
        """What the first engine can."""
        return self._line.first.file_features

    async def warm(self) -> None:
        """Get all recognisers ready. Raises BridgeError when none can be had."""
        await self._line.warm()

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[Utterance]:
        """Open one turn; its failures come with :meth:`Utterance.finish`."""

        def opened(engine: Transcriber) -> AbstractAsyncContextManager[Utterance]:
            return engine.utterance(on_partial, language=language, prompt=prompt)

        turn = _Turn(self._line, self._patience, opened)
        async with own_tasks() as tasks:
            hearing = tasks.create_task(turn.hear())
            try:
                yield turn
            finally:
                hearing.cancel()

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        """Yield what the first engine gives that is well; another is asked while nothing has come."""
        failure = nobody()
        for place in self._line.places:
            if not self._line.allow(place):
                continue
            begun = False
            try:
                async with aclosing(
                    within(place.engine.transcribe(sound, ask), _LONG_S, _LONG_S, "it", "timeout")
                ) as them:
                    async for piece in them:
                        begun = True
                        yield piece
                self._line.well(place)
                return
            except BridgeError as broken:
                self._line.failed(place, broken)
                failure = broken
                if begun:
                    break
        raise failure


class _Turn:
    """One turn: its sound goes to whoever hears it, and is kept for who may have to hear it again."""

    def __init__(self, line: Line[Transcriber], patience: Patience, opened: _Open) -> None:
        self._line, self._patience, self._opened = line, patience, opened
        self._sound = bytearray()
        self._room = KEPT_S * line.first.rate * 2
        self._takers: list[Callable[[bytes], None]] = []
        self._pausing: list[Pausing] = []
        self._ended = asyncio.Event()
        self._result: asyncio.Future[Transcript | BridgeError] = asyncio.get_running_loop().create_future()

    def feed(self, pcm: bytes) -> None:
        pcm = pcm[: self._room - len(self._sound)]
        self._sound += pcm
        for take in self._takers if pcm else ():
            take(pcm)

    def paused(self) -> None:
        for utterance in self._pausing:
            utterance.paused()

    def resumed(self) -> None:
        for utterance in self._pausing:
            utterance.resumed()

    async def finish(self) -> Transcript:
        self._ended.set()
        result = await self._result
        if isinstance(result, BridgeError):
            raise result
        return result

    async def hear(self) -> None:
        """Have it written down by the first that can, a further one when that fails or is slow after the end."""
        tries = (self._try(place) for place in self._line.places if self._line.allow(place))
        try:
            written = await race(tries, self._impatient, nobody())
        except BridgeError as failure:
            self._result.set_result(failure)
        else:
            self._result.set_result(written)

    async def _impatient(self) -> None:
        await self._ended.wait()
        await asyncio.sleep(self._patience.begin_s)

    def _try(self, place: Place[Transcriber]) -> Try[Transcript]:
        async def discard(_late: Transcript) -> None:
            """Nothing is open any more."""

        return Try(
            lambda: self._written_by(place.engine),
            lambda: self._line.well(place),
            lambda failure: self._line.failed(place, failure),
            discard,
        )

    async def _written_by(self, engine: Transcriber) -> Transcript:
        async with self._opened(engine) as utterance:
            resampler = Resampler(self._line.first.rate, engine.rate)

            def take(pcm: bytes) -> None:
                utterance.feed(resampler.feed(pcm))

            take(bytes(self._sound))
            pausing = [utterance] if isinstance(utterance, Pausing) else []
            self._takers.append(take)
            self._pausing += pausing
            try:
                await self._ended.wait()
            finally:
                self._takers.remove(take)
                self._pausing = [each for each in self._pausing if each not in pausing]
            if rest := resampler.flush():
                utterance.feed(rest)
            return await utterance.finish()
