"""The embedded voice: text to speech in worker processes, offline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from bridges.local.pool import Pool, open_pool
from bridges.options import LocalVoice
from mediaserver.errors import BridgeError
from mediaserver.speech import PLAIN, Manner, Sound

RATE = 16000
LONGEST_CHARS = 600
"""Characters of one job; a longer text is spoken job by job."""
_PIECES = 4096
"""Pieces a job may make: several times what the longest text needs at half speed."""
_LOAD_S = 5.0


class Voice:
    """Satisfies :class:`mediaserver.speech.TextToSpeech`: 16 kHz, one voice per language, named ``en-US`` and so on."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def rate(self) -> int:
        """Hz."""
        return RATE

    @property
    def voices(self) -> tuple[str, ...]:
        """What the installed engine knows; American English until it has loaded."""
        return tuple(self._pool.facts.get("voices", ("en-US",)))

    async def warm(self) -> None:
        """Return when a worker is ready. Raises BridgeError when no voice is installed."""
        await self._pool.warm()

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield pieces of at most 200 ms. Closing the iterator stops the engine. Raises BridgeError.

        ``speed`` 0.5 to 2; what lies beyond is taken as the nearest of these.
        """
        for part in _parts(text):
            async with aclosing(self._speak(part, voice, speed)) as sounds:
                async for sound in sounds:
                    yield sound

    async def _speak(self, text: str, voice: str, speed: float) -> AsyncGenerator[Sound, None]:
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)

        def take(pcm: bytes | None) -> None:
            if pieces.full():
                pieces.get_nowait()
            pieces.put_nowait(pcm)

        async with self._pool.job({"text": text, "voice": voice, "speed": speed}, take) as job:
            job.end()
            while (pcm := await pieces.get()) is not None:
                yield Sound(pcm)
            await job.result()


def _parts(text: str) -> list[str]:
    parts = []
    while len(text) > LONGEST_CHARS:
        cut = text.rfind(" ", 1, LONGEST_CHARS) + 1 or LONGEST_CHARS
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text]


@asynccontextmanager
async def open_voice(chosen: LocalVoice) -> AsyncIterator[Voice]:
    """Start the voice's workers and wait a moment until the names of the voices are known.

    A machine without a voice is noticed by :meth:`Voice.warm`, so that the rest of the server runs.
    """
    told = {"engine_order": chosen.engine_order}
    async with open_pool("voice", told, workers=chosen.workers, max_wait_s=chosen.max_wait_s) as pool:
        with suppress(BridgeError, TimeoutError):
            async with asyncio.timeout(_LOAD_S):
                await pool.warm()
        yield Voice(pool)
