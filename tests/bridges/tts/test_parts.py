from collections.abc import AsyncGenerator

import pytest

from bridges.tts.parts import split, spoken
from mediaserver.events import WordTime
from mediaserver.speech import Sound


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        (" ... ", []),
        ("Short.", ["Short."]),
        ("One sentence. Another one. A third.", ["One sentence.", "Another one.", "A third."]),
        ("first clause, second clause", ["first clause,", "second clause"]),
        ("no mark in here at all", ["no mark in here", "at all"]),
        ("x" * 35, ["x" * 16, "x" * 16, "xxx"]),
        ('He said "stop." Then left.', ['He said "stop."', "Then left."]),
    ],
)
def test_a_text_is_cut_where_it_hurts_least(text: str, parts: list[str]) -> None:
    assert split(text, 16) == parts


async def test_parts_are_said_in_one_time_and_know_what_was_before() -> None:
    told = []

    async def speak(part: str, before: str) -> AsyncGenerator[Sound, None]:
        told.append((part, before))
        yield Sound(bytes(1600), (WordTime(part, 10, 20),))
        yield Sound(bytes(1600))

    sounds = [sound async for sound in spoken(["a", "b"], "start", speak, 16000)]
    assert told == [("a", "start"), ("b", "a")]
    assert [word for sound in sounds for word in sound.words] == [WordTime("a", 10, 20), WordTime("b", 110, 120)]
