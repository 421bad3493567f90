"""A voice and a writer-down that count what they are asked, and stop where they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from mediaserver.events import WordTime
from mediaserver.items import Usage
from mediaserver.speech import PLAIN, FileAsk, FileLimits, FileTranscript, Manner, Sound, SoundFile, SpokenWord


class Mouth:
    """Speaks ``count`` pieces of 30 ms, a word in each; waits at ``gates`` before the piece of that number."""

    rate = 16000
    voices = ("a", "b")

    def __init__(self, count: int = 3, *, fails: list[Exception] | None = None) -> None:
        self.asked: list[tuple[str, str, float, Manner]] = []
        self.closed = 0
        self.count = count
        self.fails = fails or []
        self.gates: dict[int, asyncio.Event] = {}

    async def warm(self) -> None:
        self.asked.append(("warm", "", 0, PLAIN))

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        self.asked.append((text, voice, speed, manner))
        try:
            if self.fails:
                await asyncio.sleep(0)
                raise self.fails.pop(0)
            for number in range(self.count):
                if number in self.gates:
                    await self.gates[number].wait()
                yield Sound(bytes([number, 1]) * 480, (WordTime(f"{text}{number}", 30 * number, 30 * number + 20),))
        finally:
            self.closed += 1


class Ear:
    """Writes down any file as ``text``, in two pieces and the whole."""

    file_limits = FileLimits()
    file_features: frozenset[Any] = frozenset({"stream", "words"})

    def __init__(self, text: str = "hello there") -> None:
        self.text = text
        self.asked: list[FileAsk] = []

    async def transcribe(self, sound: SoundFile, ask: FileAsk) -> AsyncGenerator[str | FileTranscript, None]:
        self.asked.append(ask)
        for word in self.text.split():
            await asyncio.sleep(0)
            yield word
        yield FileTranscript(
            self.text, "en", sound.duration, (SpokenWord("hello", 0.1, 0.4, confidence=0.5),), usage=Usage(seconds=1.5)
        )
