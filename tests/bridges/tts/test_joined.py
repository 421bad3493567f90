from collections.abc import AsyncGenerator

from bridges.tts.joined import joined
from mediaserver.events import WordTime
from mediaserver.speech import Sound


async def test_parts_are_said_in_one_time_and_know_what_was_before() -> None:
    told = []

    async def speak(part: str, before: str) -> AsyncGenerator[Sound, None]:
        told.append((part, before))
        yield Sound(bytes(1600), (WordTime(part, 10, 20),))
        yield Sound(bytes(1600))

    sounds = [sound async for sound in joined(["a", "b"], "start", speak, 16000)]
    assert told == [("a", "start"), ("b", "a")]
    assert [word for sound in sounds for word in sound.words] == [WordTime("a", 10, 20), WordTime("b", 110, 120)]
