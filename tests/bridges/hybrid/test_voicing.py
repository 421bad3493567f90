"""A clause that is spoken ahead."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from bridges.hybrid.voicing import Voicing
from bridges.options import Deadlines
from mediaserver.errors import BridgeError
from mediaserver.settings import Settings, Transcription
from mediaserver.speech import Sound


class Mouth:
    rate = 16000
    voices = ("a",)

    def __init__(self, *pieces: Sound | BridgeError | float) -> None:
        self._pieces = pieces
        self.told: dict[str, Any] = {}
        self.closed = asyncio.Event()

    async def speak(self, text: str, **told: Any) -> AsyncGenerator[Sound, None]:
        self.told = {"text": text, **told}
        try:
            for piece in self._pieces:
                if isinstance(piece, BridgeError):
                    raise piece
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    yield piece
        finally:
            self.closed.set()


SETTINGS = Settings("m", voice="a", speed=1.2, transcription=Transcription(language="de"))
ONE, TWO = Sound(b"\1\0"), Sound(b"\2\0")


async def test_sound_is_made_before_it_is_wanted_and_handed_out_in_order() -> None:
    mouth, voicing = Mouth(ONE, TWO), Voicing(" Hello there. ")
    async with asyncio.TaskGroup() as tasks:
        voicing.start(tasks, mouth, SETTINGS, Deadlines(), before="Well,")
        await mouth.closed.wait()
        assert [sound async for sound in voicing.sounds()] == [ONE, TWO]
    manner = mouth.told["manner"]
    assert (mouth.told["text"], mouth.told["speed"], manner.before, manner.language) == (
        "Hello there.", 1.2, "Well,", "de",
    )  # fmt: skip


async def test_a_failure_comes_after_what_was_made() -> None:
    mouth, voicing, got = Mouth(ONE, BridgeError("gone")), Voicing("a"), []
    async with asyncio.TaskGroup() as tasks:
        voicing.start(tasks, mouth, SETTINGS, Deadlines())
        with pytest.raises(BridgeError):
            async for sound in voicing.sounds():
                got.append(sound)  # noqa: PERF401 - a failure comes in the middle
    assert got == [ONE]


async def test_who_stops_listening_stops_the_voice() -> None:
    mouth, voicing = Mouth(ONE, 30.0, TWO), Voicing("a")
    async with asyncio.TaskGroup() as tasks:
        voicing.start(tasks, mouth, SETTINGS, Deadlines())
        async with aclosing(voicing.sounds()) as sounds:
            assert await anext(sounds) == ONE
        await asyncio.wait_for(mouth.closed.wait(), 5)


async def test_sound_that_is_not_wanted_waits_in_bounds() -> None:
    mouth, voicing = Mouth(*[ONE] * 1000), Voicing("a")
    async with asyncio.TaskGroup() as tasks:
        voicing.start(tasks, mouth, SETTINGS, Deadlines())
        await asyncio.sleep(0.01)
        assert not mouth.closed.is_set()
        voicing.drop()
    assert mouth.closed.is_set()
