"""A text that is longer than one request may be, said piece by piece: cut where sentences end, in one time."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from mediaserver.events import WordTime
from mediaserver.speech import Sound

_ENDS = (re.compile(r"[.!?…。！？]+[\"'”’)\]]*\s"), re.compile(r"[,;:，；：]\s"), re.compile(r"\s"))  # noqa: RUF001
"""Where to cut, best first."""


def split(text: str, limit: int) -> list[str]:
    """Return the text in parts of at most ``limit`` characters, each as long as can be, none for punctuation alone."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest[: limit + 1], limit)
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [part for part in (*parts, rest) if any(character.isalnum() for character in part)]


def _cut(head: str, limit: int) -> int:
    for ends in _ENDS:
        found = [match.end() for match in ends.finditer(head)]
        if found:
            return found[-1]
    return limit


Speak = Callable[[str, str], AsyncGenerator[Sound, None]]
"""Says one part; the second argument is what was said right before it."""


async def spoken(parts: list[str], before: str, speak: Speak, rate: int) -> AsyncGenerator[Sound, None]:
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
