"""Voices in a line: another one begins when the first is slow, and goes on in the middle of a clause."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from bridges.backup.line import Line, Patience
from bridges.backup.remainder import remainder
from bridges.backup.streams import backed
from mediaserver.audio.resample import Resampler
from mediaserver.events import WordTime
from mediaserver.speech import PLAIN, Manner, Sound, TextToSpeech


class BackupVoice:
    """Satisfies :class:`mediaserver.speech.TextToSpeech`: rate and voices are those of the first engine."""

    def __init__(self, line: Line[TextToSpeech], patience: Patience) -> None:
        self._line = line
        self._patience = patience

    @property
    def rate(self) -> int:
        """Hz of the first engine; the sound of the others is brought to it."""
        return self._line.first.rate

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the first engine; the others take their own first voice for one that they do not know."""
        return self._line.first.voices

    async def warm(self) -> None:
        """Get all voices ready. Raises BridgeError when none can be had."""
        await self._line.warm()

    async def speak(
        self, text: str, *, voice: str = "", speed: float = 1.0, manner: Manner = PLAIN
    ) -> AsyncGenerator[Sound, None]:
        """Yield the sound of whoever is well. Raises the last BridgeError when nobody is."""
        made = _Made(text, self.rate, speed)

        def ask(engine: TextToSpeech) -> AsyncIterator[Sound]:
            return made.after_this(engine, voice, manner, stand_in=engine is not self._line.first)

        async with aclosing(backed(self._line, ask, self._patience, "the voice")) as sounds:
            async for sound in sounds:
                made.add(sound)
                yield sound


class _Made:
    """What was made of a text so far, whoever made it."""

    def __init__(self, text: str, rate: int, speed: float) -> None:
        self._text, self._rate, self._speed = text, rate, speed
        self._words: list[WordTime] = []
        self._seconds = 0.0

    def add(self, sound: Sound) -> None:
        self._words += sound.words
        self._seconds += len(sound.pcm) / 2 / self._rate

    async def after_this(
        self, engine: TextToSpeech, voice: str, manner: Manner, *, stand_in: bool
    ) -> AsyncGenerator[Sound, None]:
        """Yield what is missing at the rate of the line, its words timed from the beginning of the text."""
        text = self._missing()
        if not text:
            return
        start_ms, resampler = round(self._seconds * 1000), Resampler(engine.rate, self._rate)
        stream = engine.speak(text, voice=voice, speed=self._speed, manner=manner)
        try:
            async for sound in stream:
                words = tuple(WordTime(w.text, w.start_ms + start_ms, w.end_ms + start_ms) for w in sound.words)
                yield Sound(resampler.feed(sound.pcm), words, stand_in)
            if rest := resampler.flush():
                yield Sound(rest, (), stand_in)
        finally:
            if hasattr(stream, "aclose"):
                await stream.aclose()

    def _missing(self) -> str:
        if not self._seconds:
            return self._text
        return remainder(self._text, tuple(self._words), self._seconds, self._speed)
