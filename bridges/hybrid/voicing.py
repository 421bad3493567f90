"""One clause on its way to sound, made ahead of its turn to be heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from bridges.options import Deadlines
from bridges.within import within
from mediaserver.errors import BridgeError
from mediaserver.settings import Settings, VoiceManner
from mediaserver.speech import Manner, Sound, TextToSpeech
from mediaserver.tasks import cancel_once

_PIECES = 64
"""Pieces of sound that wait; a voice that is further ahead of who listens waits."""


class Voicing:
    """Asks the voice for one clause as soon as it is started, and hands its sound out once."""

    def __init__(self, clause: str) -> None:
        self.clause = clause
        self._sounds: asyncio.Queue[Sound | BridgeError | None] = asyncio.Queue(_PIECES)
        self._task: asyncio.Task[None] | None = None

    def start(
        self, tasks: asyncio.TaskGroup, tts: TextToSpeech, settings: Settings, limits: Deadlines, before: str = ""
    ) -> None:
        """Begin; ``before`` is what is spoken right before this clause."""
        stream = tts.speak(
            self.clause.strip(),
            voice=settings.voice,
            speed=settings.speed,
            manner=_manner(settings, before),
        )
        self._task = tasks.create_task(
            self._make(within(stream, limits.clause_s, limits.clause_s, "the voice", "tts_timeout"))
        )

    def drop(self) -> None:
        """Nobody will hear it: stop the voice."""
        cancel_once(self._task)

    async def sounds(self) -> AsyncGenerator[Sound, None]:
        """Yield the sound, with a deadline on each piece; dropped when left. Raises BridgeError."""
        try:
            while (sound := await self._sounds.get()) is not None:  # the voice's deadlines bound this wait
                if isinstance(sound, BridgeError):
                    raise sound
                yield sound
        finally:
            self.drop()

    async def _make(self, stream: AsyncGenerator[Sound, None]) -> None:
        try:
            async with aclosing(stream) as sounds:
                async for sound in sounds:
                    await self._sounds.put(sound)
        except BridgeError as failure:
            await self._sounds.put(failure)
        else:
            await self._sounds.put(None)


def _manner(settings: Settings, before: str) -> Manner:
    heard = "" if settings.transcription is None else settings.transcription.language or ""
    manner = settings.manner or VoiceManner()
    return Manner(manner.instructions, manner.language or heard, before, manner.settings)
