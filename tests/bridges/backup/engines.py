"""Engines that say a script, stop at an event in it and raise a BridgeError in it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mediaserver.errors import BridgeError
from mediaserver.speech import FREE, FileTranscript, Message, Partial, Piece, Sound, Terms, Transcript


async def said(script: Sequence[Any]) -> AsyncGenerator[Any, None]:
    for piece in script:
        if isinstance(piece, asyncio.Event):
            await piece.wait()
        elif isinstance(piece, BridgeError):
            raise piece
        else:
            yield piece


class Mind:
    def __init__(self, *script: Any) -> None:
        self.script, self.asked, self.closed = script, list[Sequence[Message]](), 0

    async def reply(self, messages: Sequence[Message], terms: Terms = FREE) -> AsyncGenerator[Piece, None]:
        self.asked.append(messages)
        try:
            async for piece in said(self.script):
                yield piece
        finally:
            self.closed += 1


class Mouth:
    voices = ("a",)

    def __init__(self, *script: Any, rate: int = 16000) -> None:
        self.script, self.rate, self.spoken, self.closed = script, rate, list[str](), 0

    async def speak(self, text: str, **_: Any) -> AsyncGenerator[Sound, None]:
        self.spoken.append(text)
        try:
            async for piece in said(self.script):
                yield piece
        finally:
            self.closed += 1


class Ears:
    """Writes down how many bytes it heard, or its script's word."""

    file_limits: Any = None
    file_features: Any = frozenset()

    def __init__(self, name: str, *, at_open: Any = None, at_end: Any = None, rate: int = 16000) -> None:
        self.name, self.at_open, self.at_end, self.rate = name, at_open, at_end, rate
        self.heard, self.open = 0, 0
        self.pauses: list[str] = []

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[Any]:
        ears = self
        if isinstance(self.at_open, BridgeError):
            raise self.at_open
        self.open += 1

        class Heard:
            def feed(self, pcm: bytes) -> None:
                ears.heard += len(pcm)

            def paused(self) -> None:
                ears.pauses.append("paused")

            def resumed(self) -> None:
                ears.pauses.append("resumed")

            async def finish(self) -> Transcript:
                if isinstance(ears.at_end, BridgeError):
                    raise ears.at_end
                if isinstance(ears.at_end, asyncio.Event):
                    await ears.at_end.wait()
                return Transcript(ears.name)

        try:
            yield Heard()
        finally:
            self.open -= 1

    async def transcribe(self, sound: Any, ask: Any) -> AsyncGenerator[str | FileTranscript, None]:
        if isinstance(self.at_end, BridgeError):
            raise self.at_end
        yield FileTranscript(self.name)
