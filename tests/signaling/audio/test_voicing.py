from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from mediaserver.errors import BridgeError
from mediaserver.speech import Sound
from signaling.audio import voicing
from signaling.audio.voicing import voiced
from signaling.audio.wish import Wish
from tests.signaling.audio.stage import Mouth, hum


async def test_a_long_text_is_spoken_in_parts_that_know_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicing, "parts", lambda text: ["One two.", "Three."])
    mouth = Mouth()
    made = b"".join([piece async for piece in voiced(mouth, Wish("One two. Three.", response_format="pcm"), "bob")])
    assert len(made) == 3 * 2400 * 2
    assert [(text, voice, manner.before) for text, voice, _, manner in mouth.said] == [
        ("One two.", "bob", ""),
        ("Three.", "bob", "One two."),
    ]


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
async def test_pcm_has_24_khz_whatever_the_engine(rate: int) -> None:
    made = [piece async for piece in voiced(Mouth(rate), Wish("one two", response_format="pcm"), "")]
    assert abs(len(b"".join(made)) - 2 * 2400 * 2) < 100


async def test_an_engine_without_sound_makes_no_file() -> None:
    assert [piece async for piece in voiced(Mouth(), Wish("...", response_format="wav"), "")] == []


async def test_closing_stops_the_engine() -> None:
    mouth = Mouth()
    async with aclosing(voiced(mouth, Wish("one two three", response_format="pcm"), "")) as made:
        await anext(made)
    assert mouth.stopped == 1


async def test_a_failure_is_the_engines_own() -> None:
    mouth = Mouth(fails=BridgeError("no"))
    with pytest.raises(BridgeError):
        async for _ in voiced(mouth, Wish("one fail", response_format="pcm"), ""):
            pass


async def test_what_is_encoded_is_encoded_beside_the_loop_and_the_first_of_it_is_short() -> None:
    steps: list[tuple[Any, ...]] = []

    async def beside(work: Any, /, *args: Any) -> Any:
        steps.append(args)
        return await asyncio.to_thread(work, *args)

    made = [piece async for piece in voiced(Mouth(), Wish("one " * 12, response_format="mp3"), "", beside=beside)]
    assert steps[0][:2] == ("mp3", 24000) and steps[-1] == () and b"".join(made)[:2] == b"\xff\xf3"
    fed = [len(args[0]) for args in steps[1:-1]]
    assert fed == [4800] * 12, "a tenth of a second a word, as it comes"


async def test_a_long_sound_is_encoded_half_a_second_at_a_time() -> None:
    class AtOnce(Mouth):
        async def speak(self, text: str, **_: Any) -> AsyncGenerator[Sound, None]:
            yield Sound(hum(1.1, self.rate))

    sizes = [len(piece) async for piece in voiced(AtOnce(), Wish("one", response_format="pcm"), "")]
    assert sizes == [4800, 24000, 24000]
