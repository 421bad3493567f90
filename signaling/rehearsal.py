"""The server's own sentences, spoken once in the background while it starts, so that saying them later costs nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mediaserver.audio.opus import OpusSettings, libopus
from mediaserver.audio.packets import Packet, encoding
from mediaserver.conversation.phrases import MAX_PHRASES, Phrases
from mediaserver.errors import MediaServerError
from mediaserver.speech import TextToSpeech

log = logging.getLogger(__name__)

REHEARSAL_S = 60.0
RATE = 24000

SETTINGS = OpusSettings()

AT_ONCE = 10
"""Packets that are encoded before other work has its turn: about 2 ms."""

OpenSpeaker = Callable[[], AbstractAsyncContextManager[TextToSpeech]]


@asynccontextmanager
async def rehearsed(
    texts: Sequence[str], open_speaker: OpenSpeaker, settings: OpusSettings = SETTINGS
) -> AsyncIterator[Phrases]:
    """Give phrases that fill up as they are spoken, and encoded as ``settings`` say.

    Without a voice they stay empty, and the log says so.
    """
    phrases = Phrases(RATE)
    async with asyncio.TaskGroup() as tasks:
        rehearsal = _rehearse(phrases, texts[:MAX_PHRASES], open_speaker, settings)
        speaking = tasks.create_task(rehearsal, name="rehearsal")
        try:
            yield phrases
        finally:
            speaking.cancel()


async def _rehearse(phrases: Phrases, texts: Sequence[str], open_speaker: OpenSpeaker, settings: OpusSettings) -> None:
    if not texts:
        return
    try:
        async with asyncio.timeout(REHEARSAL_S), open_speaker() as voice:
            resampler = phrases.from_rate(voice.rate)
            for text in texts:
                sound = resampler(b"".join([piece.pcm async for piece in voice.speak(text)]))
                phrases.add(text, sound, await _packets(sound, settings))
    except (MediaServerError, TimeoutError) as problem:
        log.warning("the server has no voice of its own for apologies and fillers: %s", type(problem).__name__)


async def _packets(pcm: bytes, settings: OpusSettings) -> list[Packet]:
    """Encode a sentence a little at a time; without libopus there are none, and the sound is encoded when it is said."""
    packets: list[Packet] = []
    for packet in encoding(pcm, RATE, settings) if libopus().functions else ():
        packets.append(packet)
        if len(packets) % AT_ONCE == 0:
            await asyncio.sleep(0)
    return packets
