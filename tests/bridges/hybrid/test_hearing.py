import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridges.hybrid.hearing import Hearing
from bridges.options import Deadlines
from mediaserver.events import Event, TranscriptFinal
from mediaserver.settings import Transcription
from mediaserver.speech import Transcript


class SlowToOpen:
    """Opens when its gate does, and counts what it is fed."""

    rate = 16000

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.fed: list[bytes] = []
        self.wanted: tuple[str | None, str] = (None, "")

    @asynccontextmanager
    async def utterance(self, on_partial: Any, *, language: str | None = None, prompt: str = "") -> AsyncIterator[Any]:
        self.wanted = language, prompt
        await self.gate.wait()
        yield self

    def feed(self, pcm: bytes) -> None:
        self.fed.append(pcm)

    async def finish(self) -> Transcript:
        return Transcript(f"{len(self.fed)}")


async def test_nothing_is_lost_while_the_engine_opens_and_nothing_is_heard_after_the_end() -> None:
    events: list[Event] = []
    stt, hearing = SlowToOpen(), Hearing("i1", events.append)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hearing.run(stt, Transcription(language="en", prompt="names"), Deadlines()))
        hearing.hear(b"1")
        await asyncio.sleep(0)
        hearing.hear(b"2")
        stt.gate.set()
        await asyncio.sleep(0.001)
        hearing.hear(b"3")
        hearing.end()
        hearing.hear(b"4")
    assert stt.fed == [b"1", b"2", b"3"]
    assert stt.wanted == ("en", "names")
    assert events == [TranscriptFinal("i1", "3")]
