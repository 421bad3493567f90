"""A text becomes the bytes of a file, as it is spoken: the one place where the audio API has engines speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import ParamSpec, Protocol, TypeVar, cast

from mediaserver.audio.presets import BALANCED, Preset
from mediaserver.audio.speechfile import SpeechFile
from mediaserver.speech import Sound, TextToSpeech
from signaling.audio.parts import parts
from signaling.audio.wish import Wish

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE_S = 0.5
"""Seconds of sound that are encoded at once."""
FIRST_S = 0.1
"""The same of the first sound, which somebody waits for: it takes two milliseconds as MP3."""


class Beside(Protocol):
    """Does work in a thread: encoding takes a sixtieth of the sound's time, and the loop has calls to hear."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **more: P.kwargs) -> T:
        """Return what ``work`` returns."""
        ...


async def voiced(
    engine: TextToSpeech, wish: Wish, voice: str, preset: Preset = BALANCED, beside: Beside = asyncio.to_thread
) -> AsyncGenerator[bytes, None]:
    """Yield a file in ``wish.response_format`` as it is made; nothing at all where the engine makes no sound.

    It is encoded by ``beside``. Closing the iterator stops the engine. Raises BridgeError.
    """
    file, spoken = await beside(SpeechFile, wish.response_format, engine.rate, preset), False
    async with aclosing(_pieces(engine, wish, voice)) as pieces:
        async for pcm in pieces:
            spoken = True
            if made := await beside(file.feed, pcm):
                yield made
    if spoken and (rest := await beside(file.finish)):
        yield rest


async def _pieces(engine: TextToSpeech, wish: Wish, voice: str) -> AsyncGenerator[bytes, None]:
    size, before = int(engine.rate * FIRST_S) * 2, ""
    for part in parts(wish.input):
        sounds = engine.speak(part, voice=voice, speed=wish.speed, manner=wish.manner(before))
        async with aclosing(cast("AsyncGenerator[Sound, None]", sounds)) as said:
            async for sound in said:
                at = 0
                while at < len(sound.pcm):
                    yield sound.pcm[at : at + size]
                    at, size = at + size, int(engine.rate * AT_ONCE_S) * 2
        before = part
