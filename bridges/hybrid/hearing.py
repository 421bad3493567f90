"""One turn of the caller's speech on its way to text."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bridges.options import Deadlines
from mediaserver.bridge import Emit
from mediaserver.errors import BridgeError
from mediaserver.events import TranscriptFailed, TranscriptFinal, TranscriptPartial
from mediaserver.settings import Transcription
from mediaserver.speech import Partial, Pausing, SpeechToText, Transcript, Utterance

_EARLY_FRAMES = 750
"""Frames kept while the engine opens: 15 s, as much as a session keeps of the first words."""


class Hearing:
    """Feeds one utterance and says its transcript once: TranscriptFinal or TranscriptFailed, or nothing when cancelled."""

    def __init__(self, item_id: str, emit: Emit) -> None:
        self.item_id = item_id
        self._emit = emit
        self._early: deque[bytes] = deque(maxlen=_EARLY_FRAMES)
        self._take: Callable[[bytes], None] = self._early.append
        self._utterance: Utterance | None = None
        self._ended = asyncio.Event()

    def hear(self, pcm: bytes) -> None:
        """Take one frame; what comes after :meth:`end` belongs to no one."""
        if not self._ended.is_set():
            self._take(pcm)

    def pause(self) -> None:
        """The caller is quiet."""
        if isinstance(self._utterance, Pausing) and not self._ended.is_set():
            self._utterance.paused()

    def resume(self) -> None:
        """The caller goes on."""
        if isinstance(self._utterance, Pausing) and not self._ended.is_set():
            self._utterance.resumed()

    def end(self) -> None:
        """The speech is complete."""
        self._ended.set()

    async def run(self, stt: SpeechToText, wanted: Transcription, deadlines: Deadlines) -> None:
        """Listen until :meth:`end`, then write down what was said."""
        try:
            transcript = await self._transcribe(stt, wanted, deadlines)
        except TimeoutError:
            self._emit(TranscriptFailed(self.item_id, "timeout", "the speech could not be written down in time"))
        except BridgeError as failure:
            self._emit(TranscriptFailed(self.item_id, failure.code, failure.message))
        else:
            self._emit(TranscriptFinal(self.item_id, transcript.text, transcript.usage))

    async def _transcribe(self, stt: SpeechToText, wanted: Transcription, deadlines: Deadlines) -> Transcript:
        async with stt.utterance(self._partial, language=wanted.language, prompt=wanted.prompt) as utterance:
            self._opened(utterance)
            await self._ended.wait()  # the session's longest turn is its deadline; cancelling the call ends it too
            async with asyncio.timeout(deadlines.transcript_s):
                return await utterance.finish()

    def _opened(self, utterance: Utterance) -> None:
        for frame in self._early:
            utterance.feed(frame)
        self._early.clear()
        self._utterance = utterance
        self._take = utterance.feed

    def _partial(self, partial: Partial) -> None:
        self._emit(TranscriptPartial(self.item_id, partial.text, partial.stable, partial.ended))
