from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from mediaserver.speech import FileAsk, FileTranscript, Partial, SoundFile, Transcript
from signaling.audio.livefiles import LiveFiles, for_files
from tests.signaling.audio.stage import Ears, hum, wav


@dataclass
class Live:
    """Counts what it hears."""

    rate: int = 16000
    languages: list[str | None] = field(default_factory=list)
    fed: int = 0

    @asynccontextmanager
    async def utterance(
        self, on_partial: Callable[[Partial], None], *, language: str | None = None, prompt: str = ""
    ) -> AsyncIterator[Live]:
        self.languages.append(language)
        yield self

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)

    async def finish(self) -> Transcript:
        return Transcript("hum", language="en")


@pytest.mark.parametrize("rate", [16000, 24000])
async def test_a_file_is_an_utterance(rate: int) -> None:
    live = Live(rate)
    sound = SoundFile(wav(hum(2.5, 16000)), "wav", 2.5)
    said: list[Any] = [each async for each in for_files(live).transcribe(sound, FileAsk(language="de"))]
    assert said == [FileTranscript("hum", language="en", duration=2.5)]
    assert live.languages == ["de"] and abs(live.fed - int(2.5 * rate * 2)) <= 4


def test_it_says_what_it_can() -> None:
    files = LiveFiles(Live())
    assert files.file_features == {"language"} and files.file_limits.kinds == ("wav",)


def test_an_engine_that_takes_files_is_itself() -> None:
    ears: Any = Ears()
    assert for_files(ears) is ears
