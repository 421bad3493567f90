"""A text becomes the bytes of a file, as it is spoken: the one place where the audio API has engines speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from mediaserver.audio.presets import BALANCED, Preset
from mediaserver.audio.speechfile import SpeechFile
from mediaserver.speech import Sound, TextToSpeech
from signaling.audio.parts import parts
from signaling.audio.wish import Wish

AT_ONCE_S = 0.5
"""Seconds of sound that are encoded before other work has its turn: a few milliseconds."""


async def voiced(
    engine: TextToSpeech, wish: Wish, voice: str, preset: Preset = BALANCED
) -> AsyncGenerator[bytes, None]:
    """Yield a file in ``wish.response_format`` as it is made; nothing at all where the engine makes no sound.

    Closing the iterator stops the engine. Raises BridgeError.
    """
    file, spoken = SpeechFile(wish.response_format, engine.rate, preset), False
    async with aclosing(_pieces(engine, wish, voice)) as pieces:
        async for pcm in pieces:
            spoken = True
            if made := file.feed(pcm):
                yield made
            await asyncio.sleep(0)
    if spoken and (rest := file.finish()):
        yield rest


async def _pieces(engine: TextToSpeech, wish: Wish, voice: str) -> AsyncGenerator[bytes, None]:
    size, before = int(engine.rate * AT_ONCE_S) * 2, ""
    for part in parts(wish.input):
        sounds = engine.speak(part, voice=voice, speed=wish.speed, manner=wish.manner(before))
        async with aclosing(cast("AsyncGenerator[Sound, None]", sounds)) as said:
            async for sound in said:
                for at in range(0, len(sound.pcm), size):
                    yield sound.pcm[at : at + size]
        before = part
