"""The server's own sentences, spoken once in the background while it starts, so that saying them later costs nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mediaserver.conversation.phrases import MAX_PHRASES, Phrases
from mediaserver.errors import MediaServerError
from mediaserver.speech import TextToSpeech

log = logging.getLogger(__name__)

REHEARSAL_S = 60.0
RATE = 24000

OpenSpeaker = Callable[[], AbstractAsyncContextManager[TextToSpeech]]


@asynccontextmanager
async def rehearsed(texts: Sequence[str], open_speaker: OpenSpeaker) -> AsyncIterator[Phrases]:
    """Give phrases that fill up as they are spoken; without a voice they stay empty, and the log says so."""
    phrases = Phrases(RATE)
    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(_rehearse(phrases, texts[:MAX_PHRASES], open_speaker), name="rehearsal")
        try:
            yield phrases
        finally:
            speaking.cancel()


async def _rehearse(phrases: Phrases, texts: Sequence[str], open_speaker: OpenSpeaker) -> None:
    if not texts:
        return
    try:
        async with asyncio.timeout(REHEARSAL_S), open_speaker() as voice:
            resampler = phrases.from_rate(voice.rate)
            for text in texts:
                sound = [piece.pcm async for piece in voice.speak(text)]
                phrases.add(text, resampler(b"".join(sound)))
    except (MediaServerError, TimeoutError) as problem:
        log.warning("the server has no voice of its own for apologies and fillers: %s", type(problem).__name__)
