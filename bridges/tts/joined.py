"""The parts of a text, said one after the other in one time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from mediaserver.events import WordTime
from mediaserver.speech import Sound

Speak = Callable[[str, str], AsyncGenerator[Sound, None]]
"""Says one part; the second argument is what was said right before it."""


async def joined(parts: Iterable[str], before: str, speak: Speak, rate: int) -> AsyncGenerator[Sound, None]:
    """Yield the sound of all parts; word times count from the start of the first. Closing it stops the one that is said."""
    size = 0
    for part in parts:
        start = size * 500 // rate
        async with aclosing(speak(part, before)) as sounds:
            async for sound in sounds:
                size += len(sound.pcm)
                yield _shifted(sound, start)
        before = part


def _shifted(sound: Sound, ms: int) -> Sound:
    if not ms or not sound.words:
        return sound
    return Sound(sound.pcm, tuple(WordTime(each.text, each.start_ms + ms, each.end_ms + ms) for each in sound.words))
